"""The words of refused purposes, in English, French, Spanish, Portuguese and German.

They are regular expressions for folded texts (``model.folding``): small letters without accents, words separated by
one blank, no punctuation. ä, ö and ü stand for both ways to write them.
"""
