"""The refusals of the site as leaves that carry their data, a file a room that refuses."""
