"""What passwords are most often made of. A password that is nothing but one of these, perhaps with digits, is refused."""

from __future__ import annotations

STEMS = frozenset(
    """
    aa abc abcd access admin administrator adobe amour angel anthony apple arsenal asdf asdfgh ashley azerty bailey
    barcelona baseball basketball batman bonjour bitte butterfly charlie chelsea chocolate computer corona daniel
    default demo detective doudou dragon evidence examiner facebook football forensics france freedom fuckyou geheim
    google guest hallo hello hockey hottie iloveu iloveyou india internet investigator jennifer jessica jesus jordan
    killer konto lineament linkedin liverpool login loulou lovely loveme marseille master matrix michael michelle
    minecraft monkey mustang mypassword naruto nicole ninja office operator orange parola parolamea pass passe passw
    passwd password passwort peanut pepper police pokemon princess purple qazwsx qwer qwert qwerty qwertz root samsung
    schatz secret secure senha service shadow sheriff snoopy soccer soleil sonne spiderman starwars summer sunshine
    superman supervisor system taylor temp temporary test testing thomas toor trustno unknown user username welcome
    welcometo whatever wilkommen willkommen winter wordpass yellow zaq zaqxsw zxcvbn contrasena contraseña clave
    changeit changeme changemenow letmein letmeinnow letmeinplease motdepasse mustchange iloveyousomuch unitedstates
    unbelievable newpassword oldpassword defaultpassword temppassword temporarypassword adminpassword rootpassword
    passwordpassword passwordadmin adminadmin administratorpassword secretpassword strongpassword goodpassword
    thisismypassword thisisapassword thisispassword nopassword forgotpassword resetpassword changepassword
    correcthorsebatterystaple
    """.split()
)
"""In lower case, without digits; look-alikes (0 for o, @ for a) are turned back before they are looked up."""

WALKS = (
    "01234567890123456789",
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "1a2b3c4d5e6f7g8h9i0j",
    "a1b2c3d4e5f6g7h8i9j0",
    "qazwsxedcrfvtgbyhnujmikolp",
    "1234qwerasdfzxcv",
    "qweasdzxc123456789",
)
"""Ways along a keyboard, an alphabet or the digits, taken forwards or backwards."""
