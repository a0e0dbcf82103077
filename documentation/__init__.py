"""The documentation site: pages that are made from the code, and what MkDocs needs to build it."""
