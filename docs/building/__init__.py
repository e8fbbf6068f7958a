"""How the site is built: lessons executed in each language, pages put together, Sphinx run, the result checked."""
