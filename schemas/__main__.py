"""`python -m schemas` writes the schema of every message."""

from schemas import generated

for path, text in generated().items():
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
