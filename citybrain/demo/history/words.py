"""What workers and those who verify wrote."""

from collections.abc import Mapping, Sequence

from community.models import Visit

Outcome = Visit.Outcome
RETURNED = (
    "请补充与本人核实的情况。",
    "体温未填写，请核实后补报。",
    "请写明后续措施。",
    "地址与登记不一致，请再核实。",
)
# What was found of a person who was refused or passed with an open reason, by why.
FOUND: Mapping[str, Sequence[str]] = {
    "not_known": (
        "本人未申报，已当面协助用手机申报。",
        "老人不会用智能手机，已告知可持身份证或由家人代办。",
        "家属已代为申报，已说明出入须知。",
    ),
    "expired": (
        "申报已过期，已提醒并协助重新申报。",
        "本人忘记续报，已当场重新申报。",
        "已电话告知家属，今日内重新申报。",
    ),
    "yellow": (
        "黄码，已提醒每日健康打卡，暂不外出。",
        "本人有轻微咳嗽，已嘱居家并联系社区卫生服务中心。",
        "已核实，外出为就医，已做好登记。",
    ),
    "yellow_admitted": (
        "黄码居民回家，已核实居住信息，提醒居家打卡。",
        "已上门核实，家中物资充足，每日打卡正常。",
        "回小区取药，已嘱减少外出。",
    ),
    "red": (
        "红码，已劝返居家，通知社区卫生服务中心。",
        "本人在隔离期内外出取快递，已劝返并安排代取。",
        "已核实身份并上报社区，落实专人看护。",
    ),
    "replayed": ("同一张码在两处出示，系家人用截图代扫，已当面提醒。", "本人称截图发给同事，已告知须本人当场出示。"),
}
# What was found where nobody was recognised.
LOOKED: Mapping[str, Sequence[str]] = {
    "unreadable": (
        "现场查看，手机屏幕碎裂扫不出，已改用身份证登记。",
        "居民误出示付款码，已提醒。",
        "灯光反射影响扫码，已调整机位。",
    ),
    "stale": ("居民出示旧截图，已提醒打开实时页面。", "手机无网络页面未刷新，已引导至人工通道。"),
    "no_person": ("外来送货人员未登记，已按登记表记录。", "证件号输错一位，已重新核验。"),
    "forged": ("码样可疑，已劝离并报社区民警。", "出示外地应用生成的二维码，已告知使用本区健康码。"),
}
ABSENT: Mapping[str, Sequence[str]] = {
    Outcome.NOT_AT_HOME: ("上门两次无人应答，已留告知单并电话联系家属。", "家中无人，邻居称外出买菜，已电话提醒。"),
    Outcome.WRONG_ADDRESS: ("已搬走，现住户不认识本人，已报社区核对登记。",),
    Outcome.REFUSED: ("本人不愿配合，已作解释，请社区再次上门。",),
}
NEEDS = ("", "", "", "", "", "代购蔬菜", "代取药品", "需要口罩", "清运生活垃圾")
USUAL_FOUND = ("已上门核实，情况属实，无异常。",)
USUAL_LOOKED = ("现场查看，秩序正常。",)
