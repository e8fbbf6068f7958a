"""How the site is built: lessons are executed once for each language, pages put together, Sphinx run, the result checked."""
