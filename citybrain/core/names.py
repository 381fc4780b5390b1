"""Names: how they are masked and sorted."""

from pypinyin import Style, lazy_pinyin


def mask(name: str) -> str:
    """Hide all but the first character: 张三 → 张*, 欧阳修文 → 欧***, Maria Silva → M***."""
    return name[:1] + "*" * min(len(name) - 1, 3) if name else ""


def sort_key(name: str) -> str:
    """Return the pinyin with tone numbers, lower case, so that plain byte order sorts as a dictionary does."""
    syllables = lazy_pinyin(name, style=Style.TONE3, neutral_tone_with_five=True)
    return " ".join(syllable.strip().lower() for syllable in syllables if syllable.strip())[:120]
