"""The hosts that pass on pages of others: translators, caches, archives, proxies, front ends of social networks.

Whoever lists one of them would list every page behind it. From some the page's own address can be read; that address
must be allowed as well. From the others it cannot, so that nothing is ever collected through them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

OPAQUE = (
    # front ends and viewers of X
    *("nitter.net", "xcancel.com", "lightbrd.com", "twiiit.com", "twstalker.com", "sotwe.com", "threadreaderapp.com"),
    *("unrollthread.com", "fxtwitter.com", "vxtwitter.com", "fixupx.com", "fixvx.com", "twittpr.com", "pingthread.com"),
    # of Instagram
    *(
        "imginn.com",
        "picuki.com",
        "dumpor.com",
        "dumpoir.com",
        "pixwox.com",
        "greatfon.com",
        "picnob.com",
        "piokok.com",
    ),
    *("gramhir.com", "imgsed.com", "insta-stories-viewer.com", "storiesig.info", "anonyig.com", "instanavigation.com"),
    *("inflact.com", "instadp.com", "iganony.io", "igram.world", "snapinsta.app", "saveig.app", "ddinstagram.com"),
    *("kkinstagram.com", "instafix.io", "pixnoy.com", "flufi.me", "mollygram.com", "storysaver.net", "instasaved.net"),
    # of TikTok, YouTube, Reddit, Facebook and Telegram
    *(
        "urlebird.com",
        "ssstik.io",
        "snaptik.app",
        "tikwm.com",
        "tikmate.app",
        "vxtiktok.com",
        "tnktok.com",
        "musicaldown.com",
    ),
    *("yewtu.be", "invidio.us", "piped.video", "yt.artemislena.eu", "inv.nadeko.net", "y2mate.com", "savefrom.net"),
    *("reveddit.com", "unddit.com", "undelete.pullpush.io", "rxddit.com", "vxreddit.com", "photon-reddit.com"),
    *("fdown.net", "facebed.com", "tgstat.com", "telemetr.io", "telemetr.me", "tx.me", "tlgrm.eu", "tgramsearch.com"),
    *("farside.link", "scribe.rip", "freedium.cfd", "readmedium.com"),
    # archives and caches whose addresses do not tell the page
    *(
        "archive.today",
        "archive.ph",
        "archive.is",
        "archive.li",
        "archive.md",
        "archive.vn",
        "archive.fo",
        "archive.ec",
    ),
    *(
        "archiveiya74codqgiixo33q62qlrqtkgmcitqx5u2oeqnmn5bpcbiyd.onion",
        "ghostarchive.org",
        "perma.cc",
        "webcitation.org",
    ),
    *("freezepage.com", "conifer.rhizome.org", "webcache.googleusercontent.com", "cc.bingj.com", "cachedview.nl"),
    *("cachedview.com", "yandexwebcache.net", "hghltd.yandex.net", "preserve.page", "archivebox.io"),
    # readers and proxies
    *(
        "12ft.io",
        "1ft.io",
        "13ft.io",
        "removepaywall.com",
        "removepaywalls.com",
        "outline.com",
        "outlinetldr.com",
        "smry.ai",
    ),
    *(
        "txtify.it",
        "printfriendly.com",
        "croxyproxy.com",
        "croxyproxy.rocks",
        "proxysite.com",
        "kproxy.com",
        "hidester.com",
    ),
    *(
        "4everproxy.com",
        "blockaway.net",
        "proxyium.com",
        "proxyscrape.com",
        "hidemyass.com",
        "genmirror.com",
        "unblockit.dev",
    ),
    *(
        "tor2web.org",
        "tor2web.io",
        "onion.ly",
        "onion.ws",
        "onion.pet",
        "onion.cab",
        "onion.to",
        "onion.sh",
        "onion.city",
    ),
)
"""Domains, with everything below them."""
OPEN = (
    *(
        "archive.org",
        "archive-it.org",
        "arquivo.pt",
        "webarchive.org.uk",
        "nationalarchives.gov.uk",
        "swap.stanford.edu",
    ),
    *("megalodon.jp", "vefsafn.is", "webarchiv.cz", "webharvest.gov", "loc.gov", "archive.bibalex.org"),
    *("translate.google.com", "translate.googleusercontent.com", "googleusercontent.com", "translatoruser.net"),
    *(
        "translatoruser-int.com",
        "turbopages.org",
        "translate.yandex.com",
        "translate.yandex.net",
        "translate.yandex.ru",
    ),
    *("google.com", "bing-amp.com", "i0.wp.com", "i1.wp.com", "i2.wp.com", "i3.wp.com", "weserv.nl", "wsrv.nl"),
    *("external-content.duckduckgo.com", "proxy.duckduckgo.com", "statically.io", "jina.ai", "allorigins.win"),
    *("corsproxy.io", "codetabs.com", "thingproxy.freeboard.io", "cors-anywhere.herokuapp.com", "crossorigin.me"),
    *("textise.net", "embedly.com", "embed.ly", "iframely.com", "photon.jetpack.com", "imageproxy.ifunny.co"),
    *(
        "rammerhead.org",
        "hidemyname.org",
        "web-proxy.io",
        "urlscan.io",
        "thum.io",
        "microlink.io",
        "screenshotmachine.com",
    ),
)
"""Domains, with everything below them, whose addresses tell the page that they pass on."""
ENCODED = ("translate.goog", "cdn.ampproject.org")
"""Domains below which the name itself tells the host: “www-example-org.translate.goog” is www.example.org."""
FRONT_ENDS = frozenset(
    {"nitter", "invidious", "piped", "pipedapi", "libreddit", "redlib", "teddit", "bibliogram", "proxitok", "rimgo"}
    | {"quetre", "priviblur", "binternet", "safetwitch", "viewtube", "cloudtube", "poketube", "hyperpipe", "troddit"}
    | {"twineo", "eddrit", "offtiktok", "barinsta", "simplytwitter", "nitterhub", "kittygram", "pixivfe", "lingva"}
)
"""Labels under which many people run the same front end of a social network, each with a domain of their own."""

_OPAQUE, _OPEN = frozenset(OPAQUE), frozenset(OPEN)
_SCHEME = re.compile(r"(?:https?:/{1,3}|(?<!:)/{2,})(?=[^/])", re.IGNORECASE)
_BETWEEN = re.compile(r"[/?&=:;,|!@#+*\s]+")
_DOTS = str.maketrans("。．｡", "...")
_UNQUOTED = 4  # times: an address in an address in an address


def relay(host: str) -> str | None:
    """Return the domain of ``host`` if it hides whose pages it passes on, or None. ``host`` is ASCII, in lower case."""
    labels = host.rstrip(".").split(".")
    for at in range(len(labels)):
        domain = ".".join(labels[at:])
        if domain in _OPAQUE or not FRONT_ENDS.isdisjoint(labels[at].split("-")):
            return domain
    return None


def is_open(host: str) -> bool:
    """Return whether the addresses of ``host`` tell the page that it passes on."""
    labels = host.rstrip(".").split(".")
    return any(".".join(labels[at:]) in _OPEN for at in range(len(labels)))


def encoder(host: str) -> str | None:
    """Return the domain of ENCODED that ``host`` is, or is below; None if there is none."""
    name = host.rstrip(".")
    return next((domain for domain in ENCODED if name == domain or name.endswith(f".{domain}")), None)


def host_in_name(host: str) -> str | None:
    """Return the host that a name below a domain of ENCODED tells; None if it tells none."""
    domain = encoder(host)
    label = host.rstrip(".").removesuffix(domain or "").rstrip(".").rpartition(".")[2]
    if label.startswith("0-") and label.endswith("-0"):
        label = label[2:-2]
    decoded = label.replace("--", "\0").replace("-", ".").replace("\0", "-")
    return decoded if domain is not None and "." in decoded.strip(".") else None


def addresses_within(url: str) -> Iterator[str]:
    """Yield what begins like an address within the path and the query of an address, without its scheme."""
    for text in _spellings(url):
        for found in _SCHEME.finditer(text):
            yield text[found.end() :]


def words_within(url: str) -> Iterator[str]:
    """Yield the words of the path and the query of an address that may name a host, without scheme and port."""
    for text in _spellings(url):
        for word in _BETWEEN.split(text):
            if "." in word.strip("."):
                yield word


def _spellings(url: str) -> Iterator[str]:
    """Yield what follows the host of an address, as it is and as far as it can be unquoted."""
    host_at = url.find("://") + 3
    ends = [at for at in (url.find("/", host_at), url.find("?", host_at)) if at >= 0]
    text = url[min(ends, default=len(url)) :]
    for _ in range(_UNQUOTED):
        yield text.translate(_DOTS)
        unquoted = unquote(text, errors="replace")
        if unquoted == text:
            return
        text = unquoted
