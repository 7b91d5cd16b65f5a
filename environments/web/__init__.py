"""Web pages in a real Chromium: find and launch it, observe by outline, act like a person, wait for rest."""
