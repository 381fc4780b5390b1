"""What others rely on by name: accounts, tests, the README."""

SEED = 20200211
# Of the accounts; public on purpose: they exist in the demo only, which refuses to load elsewhere.
PASSWORD = "xiacheng-demo-2020"  # noqa: S105
RESIDENTS = 20_000
DAYS = 14
# 东新园社区 and 三里家园社区, where the accounts work; each has a neighbour at true density.
LIVED_IN = ("330103008008", "330103007009")
DENSE = (*LIVED_IN, "330103008007", "330103007008")
MARKET, ESTATE = "东新路农贸市场", "东新园东区"
SCHOOL, HOSPITAL = "东新实验小学", "下城区人民医院"
EMPLOYERS = ("东新电子有限公司", "文晖商贸有限公司")
DEPARTMENT = "下城区卫生健康局"
# By street; the other streets' companies carry the street's name.
PROPERTY_COMPANIES = {"330103008000": "下城安居物业服务有限公司", "330103007000": "新天地物业管理有限公司"}
# The never-assigned county, and numbers from 199 0000 0001 on: no document and no phone belongs to anyone.
COUNTY = "330199"
FIRST_PHONE = 19900000001
