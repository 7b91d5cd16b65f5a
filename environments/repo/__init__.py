"""Small repairs of git repositories, in the record format of SWE-bench."""
