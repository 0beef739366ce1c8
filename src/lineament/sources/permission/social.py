"""The social networks and dating services that no source may list, whatever its owner permits (R2).

People choose whom they show their pictures to there; no controller can permit collecting them for search by face. Each
name is a domain with everything below it; image servers are listed too.
"""

from __future__ import annotations

SOCIAL_NETWORKS = (
    # Meta
    *("facebook.com", "fb.com", "fb.me", "fb.watch", "fbcdn.net", "fbsbx.com", "facebook.net", "messenger.com"),
    *("m.me", "instagram.com", "cdninstagram.com", "ig.me", "threads.net", "threads.com"),
    *("whatsapp.com", "whatsapp.net", "wa.me"),
    # X, TikTok, Snapchat, LinkedIn
    *("x.com", "twitter.com", "twimg.com", "t.co", "periscope.tv"),
    *("tiktok.com", "tiktokcdn.com", "tiktokcdn-us.com", "tiktokcdn-eu.com", "tiktokv.com", "ttwstatic.com"),
    *("douyin.com", "douyinpic.com", "musical.ly", "snapchat.com", "snap.com", "sc-cdn.net", "snapkit.com"),
    *("linkedin.com", "licdn.com", "lnkd.in", "xing.com", "viadeo.com"),
    # videos and pictures
    *("youtube.com", "youtu.be", "ytimg.com", "youtube-nocookie.com", "ggpht.com", "twitch.tv", "jtvnw.net"),
    *("ttvnw.net", "vimeo.com", "vimeocdn.com", "dailymotion.com", "dmcdn.net", "rumble.com", "bilibili.com"),
    *("hdslb.com", "kick.com", "likee.video", "kuaishou.com", "kwai.com", "triller.co", "bigo.tv"),
    *("pinterest.com", "pinimg.com", "pin.it", "flickr.com", "staticflickr.com", "imgur.com", "vsco.co"),
    *("500px.com", "deviantart.com", "photobucket.com", "lemon8-app.com", "bereal.com", "bere.al"),
    # talk
    *("reddit.com", "redd.it", "redditmedia.com", "redditstatic.com", "tumblr.com", "quora.com", "quoracdn.net"),
    *("discord.com", "discord.gg", "discordapp.com", "discordapp.net", "telegram.org", "telegram.me", "t.me"),
    *("telesco.pe", "telegram-cdn.org", "signal.org", "viber.com", "line.me", "line-scdn.net", "kakao.com"),
    *("kakaocdn.net", "skype.com", "clubhouse.com", "nextdoor.com", "meetup.com", "meetupstatic.com"),
    *("4chan.org", "4cdn.org", "9gag.com", "9cache.com", "medium.com", "substack.com", "substackcdn.com"),
    # the open networks
    *("bsky.app", "bsky.social", "bsky.network", "mastodon.social", "mastodon.online", "mastodon.world"),
    *("mstdn.social", "mstdn.jp", "pawoo.net", "mas.to", "fosstodon.org", "hachyderm.io", "infosec.exchange"),
    *("chaos.social", "troet.cafe", "social.vivaldi.net", "pixelfed.social", "pixelfed.de", "misskey.io"),
    *("lemmy.world", "lemmy.ml", "diasp.org", "minds.com", "mewe.com", "gab.com", "gettr.com", "parler.com"),
    *("truthsocial.com", "wt.social", "peertube.tv", "friendica.social"),
    # elsewhere in the world
    *(
        "vk.com",
        "vk.ru",
        "vk.me",
        "vkontakte.ru",
        "userapi.com",
        "vk-cdn.net",
        "vkuser.net",
        "ok.ru",
        "odnoklassniki.ru",
    ),
    *("okcdn.ru", "mycdn.me", "my.mail.ru", "livejournal.com", "livejournal.net", "dzen.ru", "tenchat.ru"),
    *("weibo.com", "weibo.cn", "sinaimg.cn", "qq.com", "qpic.cn", "qlogo.cn", "gtimg.cn", "gtimg.com"),
    *("wechat.com", "weixin.com", "xiaohongshu.com", "xhscdn.com", "xhslink.com", "zhihu.com", "zhimg.com"),
    *("renren.com", "douban.com", "doubanio.com", "tieba.baidu.com", "zalo.me", "zadn.vn", "zaloapp.com"),
    *("sharechat.com", "moj.com", "koo.com", "kooapp.com", "hi5.com", "taringa.net", "ask.fm", "askfm.com"),
    *("mixi.jp", "ameba.jp", "ameblo.jp", "cyworld.com", "band.us", "naver.me", "nk.pl", "draugiem.lv"),
    *("copainsdavant.com", "skyrock.com", "stayfriends.de", "classmates.com", "myspace.com", "myspacecdn.com"),
    *("yubo.live", "weheartit.com", "strava.com", "goodreads.com", "last.fm", "couchsurfing.com"),
    # dating
    *("tinder.com", "gotinder.com", "bumble.com", "bumbcdn.com", "hinge.co", "okcupid.com", "okccdn.com"),
    *("badoo.com", "badoocdn.com", "match.com", "matchmedia.com", "meetic.com", "meetic.fr", "pof.com"),
    *("grindr.com", "grindr.mobi", "feeld.co", "happn.com", "happn.fr", "lovoo.com", "parship.de", "parship.com"),
    *("elitepartner.de", "eharmony.com", "zoosk.com", "jdate.com", "christianmingle.com", "muzz.com", "raya.app"),
    *("coffeemeetsbagel.com", "tantanapp.com", "immomo.com", "momocdn.com", "mamba.ru", "loveplanet.ru"),
    *("planetromeo.com", "romeo.com", "scruff.com", "jackd.com", "her.app", "weareher.com", "taimi.com"),
    *("ashleymadison.com", "adultfriendfinder.com", "fetlife.com", "joyclub.de", "skout.com", "tagged.com"),
    *("meetme.com", "hily.com", "inner-circle.co", "theleague.com", "shaadi.com", "bharatmatrimony.com"),
    # for paying subscribers
    *("onlyfans.com", "fansly.com", "patreon.com", "patreonusercontent.com"),
)
"""Domains. No option, setting or listing lifts this."""
_DENIED = frozenset(SOCIAL_NETWORKS)
_PINTEREST = "pinterest"


def social_network(host: str) -> str | None:
    """Return the domain of the network that ``host`` belongs to, or None. ``host`` is ASCII, in lower case."""
    labels = host.rstrip(".").split(".")
    for at in range(len(labels)):
        domain = ".".join(labels[at:])
        if domain in _DENIED:
            return domain
        if labels[at] == _PINTEREST and _is_country(labels[at + 1 :]):  # it has a domain in each
            return domain
    return None


def _is_country(labels: list[str]) -> bool:
    return len(labels) == 1 or (len(labels) == 2 and labels[0] in {"co", "com"})
