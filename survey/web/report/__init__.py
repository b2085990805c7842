"""Reports to print or hand over: composed once as data, shown as a page, written as PDF and for word processors."""
