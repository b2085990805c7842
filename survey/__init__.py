"""The site and the record of Hài Lòng: who is asked, what was answered, what was released."""
