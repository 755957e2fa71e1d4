"""Examples of schedules: those of the contract, and what follows from them."""

from typing import NamedTuple

NEW_YORK = "America/New_York"
NOT_VALID = "The provided schedule or timezone are invalid."
NO_NEXT_TIME = "Cannot find next schedule time."


class Times(NamedTuple):
    """When a job runs that is created then; times are in UTC, without seconds where there are none."""

    clause: str
    """The clause that says so, and what about it."""
    text: str
    zone: str
    created: str
    expected: list[str]


def case(clause: str, text: str, zone: str, created: str, *expected: str) -> Times:
    return Times(clause, text, zone, created, list(expected))


TIMES = [
    case("CS-070", "*/5 * * * *", "UTC", "2026-10-01 23:55:00.504", "2026-10-02 00:00", "2026-10-02 00:05"),
    case("CS-070 exactly then", "*/5 * * * *", "UTC", "2026-10-01 23:55", "2026-10-02 00:00"),
    case("CS-072", "0 0 29 2 *", "UTC", "2026-10-01", "2028-02-29 00:00", "2032-02-29 00:00"),
    case("CS-072 no leap century", "0 0 29 2 *", "UTC", "2096-03-01", "2104-02-29 00:00"),
    case("CS-073", "0 0 31 * *", "UTC", "2026-10-31", "2026-12-31 00:00", "2027-01-31 00:00", "2027-03-31 00:00"),
    case("CS-191", "* * * * *", "UTC", "2026-10-01 05:20:00.636", "2026-10-01 05:21"),
    case("CS-191 no margin", "30 * * * *", "UTC", "2026-10-01 00:29:58.7", "2026-10-01 00:30"),
    case("CS-193", "0 9 * JAN MON", "UTC", "2026-10-01", "2027-01-04 09:00", "2027-01-11 09:00"),
    case("CS-193", "1st friday of quarter 9:00", "UTC", "2026-10-01", "2026-10-02 09:00", "2027-01-01 09:00"),
    case("CS-193", "every 5 minutes", "UTC", "2026-10-01 05:20:13", "2026-10-01 05:25"),
    case("CS-193", "30 * * * *", "UTC", "2026-10-01 23:48", "2026-10-02 00:30"),
    case("CS-193", "0 9 1,15 * *", "UTC", "2026-10-04", "2026-10-15 09:00", "2026-11-01 09:00"),
    # cron's form
    case("CS-074 Sunday is 0", "0 0 * * 0", "UTC", "2026-10-01", "2026-10-04 00:00", "2026-10-11 00:00"),
    case("CS-074 and 7", "0 0 * * 7", "UTC", "2026-10-01", "2026-10-04 00:00", "2026-10-11 00:00"),
    case("CS-074 and SUN", "0 0 * * SUN", "UTC", "2026-10-01", "2026-10-04 00:00", "2026-10-11 00:00"),
    case("CS-074 highest", "59 23 31 12 6", "UTC", "2026-12-27", "2026-12-31 23:59", "2027-12-04 23:59"),
    case("CS-074 leading zeros", "05 09 01 01 *", "UTC", "2026-12-27", "2027-01-01 09:05"),
    case("CS-076", "0 9 * jan-mar mon-fri", "UTC", "2026-10-01", "2027-01-01 09:00", "2027-01-04 09:00"),
    case("CS-077", "0,30 9-10 * * *", "UTC", "2026-10-01 09:10", *(f"2026-10-01 {t}" for t in ("09:30", "10:00"))),
    case("CS-077", "10-50/20 0-12/6 * * *", "UTC", "2026-10-01 00:30", "2026-10-01 00:50", "2026-10-01 06:10"),
    case("CS-077 one value", "5-5 8 * * 1-1", "UTC", "2026-10-01", "2026-10-05 08:05", "2026-10-12 08:05"),
    case("CS-078", "5/15 * * * *", "UTC", "2026-10-01 00:30", "2026-10-01 01:05", "2026-10-01 02:05"),
    case("CS-079", "0 0 */2 * *", "UTC", "2026-10-29", "2026-10-31 00:00", "2026-11-01 00:00", "2026-11-03 00:00"),
    case("CS-079 month", "0 0 1 */5 *", "UTC", "2026-10-29", "2026-11-01 00:00", "2027-01-01 00:00"),
    case("CS-079 weekday", "0 0 * * */2", "UTC", "2026-10-01", *(f"2026-10-0{d} 00:00" for d in (3, 4, 6, 8))),
    case("CS-080", "0 0 * * SAT-SUN", "UTC", "2026-10-01", "2026-10-03 00:00", "2026-10-04 00:00"),
    case("CS-080", "0 0 * * fri-sun", "UTC", "2026-10-03", "2026-10-04 00:00", "2026-10-09 00:00"),
    case("CS-080 from Sunday", "0 0 * * sun-mon", "UTC", "2026-10-01", "2026-10-04 00:00", "2026-10-05 00:00"),
    case("CS-080 one value", "0 0 * * sun-sun", "UTC", "2026-10-01", "2026-10-04 00:00", "2026-10-11 00:00"),
    case("CS-081 highest step", "*/59 */23 1 1 *", "UTC", "2026-10-01", "2027-01-01 00:00", "2027-01-01 00:59"),
    case("CS-082", "0 9 13 * 5", "UTC", "2026-10-10", "2026-10-13 09:00", "2026-10-16 09:00"),
    case("CS-083", "0 9 13 * *", "UTC", "2026-10-10", "2026-10-13 09:00", "2026-11-13 09:00"),
    case("CS-083", "0 9 * * 5", "UTC", "2026-10-10", "2026-10-16 09:00", "2026-10-23 09:00"),
    case("CS-083 both hold", "0 9 */2 * 5", "UTC", "2026-10-10", "2026-10-23 09:00", "2026-11-13 09:00"),
    case("CS-083 both hold", "0 9 13 * */5", "UTC", "2026-10-10", "2026-11-13 09:00", "2026-12-13 09:00"),
    # English
    case("CS-085", "every minute", "UTC", "2026-10-01 00:00:30", "2026-10-01 00:01", "2026-10-01 00:02"),
    case("CS-085", "every 1 minutes", "UTC", "2026-10-01 00:00:30", "2026-10-01 00:01"),
    case("CS-085", "every 5 mins", "UTC", "2026-10-01 00:00:30", "2026-10-01 00:05"),
    case("CS-085", "every hour", "UTC", "2026-10-01 00:00:30", "2026-10-01 01:00"),
    case("CS-085", "every min", "UTC", "2026-10-01 00:00:30", "2026-10-01 00:01"),
    case("CS-086", "every 3 hours", "UTC", "2026-10-01 00:30:38", "2026-10-01 03:30"),
    case("CS-086", "every 7 minutes", "UTC", "2026-10-01 23:49:45", "2026-10-01 23:56"),
    case("CS-088", "every 25 hours", "UTC", "2026-10-01 23:49:12", "2026-10-03 00:49"),
    case("CS-088", "every 48 hours", "UTC", "2026-10-01 23:49:12", "2026-10-03 23:49"),
    case("CS-090", "every 2 hours from 10:00 to 14:00", "UTC", "2026-10-01",
         *(f"2026-10-{t}:00" for t in ("01 10", "01 12", "01 14", "02 10"))),
    case("CS-090 end between", "every 90 minutes from 9:10 to 12:00", "UTC", "2026-10-01 09:10",
         "2026-10-01 10:40", "2026-10-02 09:10"),
    case("CS-090 over midnight", "every 90 mins from 22:30 to 1:30", "UTC", "2026-10-01",
         "2026-10-01 01:30", "2026-10-01 22:30", "2026-10-02 00:00", "2026-10-02 01:30", "2026-10-02 22:30"),
    case("CS-090 longer than the range", "every 5 hours from 10:00 to 14:00", "UTC", "2026-10-01 10:00",
         "2026-10-02 10:00"),
    case("CS-090 no range", "every 5 minutes from 10:00 to 10:00", "UTC", "2026-10-01",
         "2026-10-01 10:00", "2026-10-02 10:00"),
    case("CS-091", "every 20 minutes synchronized", "UTC", "2026-10-01 23:49", "2026-10-02 00:00"),
    case("CS-091", "every 20 minutes synchronized", "UTC", "2026-10-01 00:30", "2026-10-01 00:40"),
    case("CS-091", "every hour synchronized", "UTC", "2026-10-01 00:30", "2026-10-01 01:00"),
    case("CS-092 a day", "every 24 hours synchronized", "UTC", "2026-10-01", "2026-10-02 00:00"),
    case("CS-093", "every day 9:00", "UTC", "2026-10-01 09:00", "2026-10-02 09:00", "2026-10-03 09:00"),
    case("CS-093", "every day 09:00", "UTC", "2026-10-01 08:59:59.999999", "2026-10-01 09:00"),
    case("CS-093", "every mon,wed,fri 09:00", "UTC", "2026-10-01",
         *(f"2026-10-0{d} 09:00" for d in (2, 5, 7, 9))),
    case("CS-093", "every monday 09:00", "UTC", "2026-10-01", "2026-10-05 09:00", "2026-10-12 09:00"),
    case("CS-094", "every monday", "UTC", "2026-10-01", "2026-10-05 00:00"),
    case("CS-094", "every day", "UTC", "2026-10-01", "2026-10-02 00:00"),
    case("CS-095", "2nd,3rd tue,wed,thu of feb,aug 13:50", "UTC", "2026-10-01",
         *(f"2027-02-{d} 13:50" for d in ("09", "10", "11", "16", "17", "18")), "2027-08-10 13:50"),
    case("CS-095", "first,Fifth saturday of month", "UTC", "2026-10-01",
         "2026-10-03 00:00", "2026-10-31 00:00", "2026-11-07 00:00"),
    case("CS-095 rare", "5th sun of feb 9:00", "UTC", "2088-02-29 09:00", "2128-02-29 09:00"),
    case("CS-096", "1st friday of quarter 9:00", "UTC", "2026-10-02 09:00", "2027-01-01 09:00"),
    case("CS-097", "second,4th tue,thursday of 3rd month of quarter 18:30", "UTC", "2026-10-01",
         *(f"2026-12-{d} 18:30" for d in ("08", "10", "22", "24")), "2027-03-09 18:30"),
    case("CS-097 several", "1 of 1st,2nd month of quarter", "UTC", "2026-10-01",
         "2026-11-01 00:00", "2027-01-01 00:00", "2027-02-01 00:00", "2027-04-01 00:00"),
    case("CS-098", "1,15 of jan,jul 12:34", "UTC", "2026-10-01",
         "2027-01-01 12:34", "2027-01-15 12:34", "2027-07-01 12:34"),
    case("CS-098", "03 of month 12:34", "UTC", "2026-10-03 12:34", "2026-11-03 12:34"),
    case("CS-098", "31 of month", "UTC", "2026-10-31", "2026-12-31 00:00", "2027-01-31 00:00"),
    case("CS-100", "1st,third monday 04:00", "UTC", "2026-10-01",
         "2026-10-05 04:00", "2026-10-19 04:00", "2026-11-02 04:00"),
    case("CS-100 or said", "every wed of december 00:00", "UTC", "2026-10-01", "2026-12-02 00:00"),
    case("CS-102", "every 60 minutes on mon,wed", "UTC", "2026-10-05 22:10:30",
         "2026-10-05 23:10", "2026-10-07 00:00", "2026-10-07 01:00"),
    case("CS-102 in its zone", "every 60 minutes on mon,wed", "Asia/Kathmandu", "2026-10-04 12:10",
         "2026-10-04 18:15", "2026-10-04 19:15"),
    case("CS-103", "Every 5 MINUTES", "UTC", "2026-10-01 00:00:30", "2026-10-01 00:05"),
    case("CS-103", "1ST Monday OF Jan 4:00", "UTC", "2026-10-01", "2027-01-04 04:00"),
    case("CS-103 spaces", "  every  mon , wed 9:00 ", "UTC", "2026-10-01", "2026-10-05 09:00"),
    # time zones
    case("CS-104", "0 9 * * *", "Asia/Tokyo", "2026-10-01", "2026-10-02 00:00"),
    case("CS-104", "0 9 * * *", NEW_YORK, "2026-10-01", "2026-10-01 13:00"),
    case("CS-104 before noon it is yesterday there", "0 0 * * 1", NEW_YORK, "2026-10-06 03:59", "2026-10-12 04:00"),
    case("CS-106", "0 9 * * *", "utc", "2026-10-01", "2026-10-01 09:00"),
    case("CS-023", "0 9 * * *", "", "2026-10-01", "2026-10-01 09:00"),
    case("CS-107", "30 2 14 3 *", NEW_YORK, "2026-10-01", "2028-03-14 06:30"),
    case("CS-107 each day", "30 2 * * *", NEW_YORK, "2027-03-13", "2027-03-13 07:30", "2027-03-15 06:30"),
    case("CS-107 English", "every day 2:30", NEW_YORK, "2027-03-13", "2027-03-13 07:30", "2027-03-15 06:30"),
    case("CS-107 midnight", "0 0 * * *", "Asia/Beirut", "2026-03-28", "2026-03-29 21:00", "2026-03-30 21:00"),
    case("CS-107 a day", "0 0 30 12 *", "Pacific/Apia", "2011-10-01", "2012-12-29 10:00"),
    case("CS-108", "30 1 1 11 *", NEW_YORK, "2026-10-01", "2026-11-01 05:30", "2027-11-01 05:30"),
    case("CS-108", "1st sun of nov 1:30", NEW_YORK, "2026-10-01", "2026-11-01 05:30", "2027-11-07 05:30"),
    case("CS-109", "30 1 * * *", NEW_YORK, "2026-11-01 05:29", "2026-11-01 05:30", "2026-11-02 06:30"),
    case("CS-109 in between", "30 1 * * *", NEW_YORK, "2026-11-01 06:10", "2026-11-02 06:30"),
    case("CS-109 every minute of an hour", "* 1 * * *", NEW_YORK, "2026-11-01 05:59", "2026-11-02 06:00"),
    case("CS-109 midnight", "30 23 * * *", "America/Sao_Paulo", "2018-02-17 12:00",
         "2018-02-18 01:30", "2018-02-19 02:30"),
    case("CS-111 spring", "* * * * *", NEW_YORK, "2027-03-14 06:58",
         *(f"2027-03-14 {t}" for t in ("06:59", "07:00"))),
    case("CS-111 autumn", "* * * * *", NEW_YORK, "2026-11-01 05:58",
         *(f"2026-11-01 {t}" for t in ("05:59", "06:00", "06:01"))),
    case("CS-111 by the hour", "0 * * * *", NEW_YORK, "2026-11-01 04:30",
         *(f"2026-11-01 {t}:00" for t in ("05", "06", "07", "08"))),
    case("CS-111 hours in full", "0 0-23 * * *", NEW_YORK, "2026-11-01 05:00", "2026-11-01 06:00"),
    case("CS-111 each second hour is fixed", "30 1-23/2 * * *", NEW_YORK, "2026-11-01 05:30", "2026-11-01 08:30"),
    case("CS-111 half an hour", "*/15 * * * *", "Australia/Lord_Howe", "2026-04-04 14:30",
         *(f"2026-04-04 {t}" for t in ("14:45", "15:00", "15:15", "15:30"))),
    case("CS-111 by the half hour", "45 * * * *", "Australia/Lord_Howe", "2026-04-04 14:00",
         *(f"2026-04-04 {t}" for t in ("14:45", "15:15", "16:15"))),
    case("CS-111 two hours", "30 * * * *", "Antarctica/Troll", "2026-10-24 23:00",
         *(f"2026-10-{t}:30" for t in ("24 23", "25 00", "25 01", "25 02"))),
    case("CS-111 odd offsets", "*/30 * * * *", "Asia/Kathmandu", "2026-10-01", "2026-10-01 00:15"),
    case("CS-110 spring", "every 2 hours", NEW_YORK, "2027-03-14 06:00", "2027-03-14 08:00", "2027-03-14 10:00"),
    case("CS-110 autumn", "every 30 minutes", NEW_YORK, "2026-11-01 05:30", "2026-11-01 06:00", "2026-11-01 06:30"),
    case("CS-112 missing", "every 30 minutes from 2:15 to 4:00", NEW_YORK, "2027-03-14",
         "2027-03-14 07:00", "2027-03-14 07:30", "2027-03-14 08:00", "2027-03-15 06:15"),
    case("CS-112 doubled", "every 40 minutes from 1:30 to 2:10", NEW_YORK, "2026-11-01",
         *(f"2026-11-{t}" for t in ("01 05:30", "01 06:10", "01 06:50", "02 06:30"))),
    case("CS-112 at midnight", "every 8 hours synchronized", "Asia/Beirut", "2026-03-28 16:00",
         *(f"2026-03-{t}:00" for t in ("28 22", "29 06", "29 14", "29 21"))),
    case("CS-112 all day", "every 12 hours synchronized", "Europe/Berlin", "2026-10-25",
         *(f"2026-10-{t}:00" for t in ("25 10", "25 22", "25 23", "26 11"))),
]  # fmt: skip

NO_SCHEDULES = [
    "",  # CS-064
    " ",
    "every 30 seconds",  # CS-066, CS-192
    "every 5 seconds",
    "* * * * * *",  # CS-067
    "0 * * * * *",
    "0 9 * * * 2027",
    "0 9 * *",  # CS-068
    "@daily",  # CS-069
    "@hourly",
    "@every 5m",
    "@reboot",
    "0 24 * * *",  # CS-075
    "60 * * * *",
    "* * 0 * *",
    "* * 32 * *",
    "* * * 0 *",
    "* * * 13 *",
    "* * * * 8",
    "-1 * * * *",
    "+1 * * * *",
    "1.5 * * * *",
    "100 * * * *",
    "000 * * * *",
    "² * * * *",
    "١ * * * *",
    "* * * january *",
    "* * * * monday",
    "jan * * * *",
    "0, 30 * * *",  # CS-077
    "0,30, * * * *",
    ",0 * * * *",
    "0,,30 * * * *",
    "1- * * * *",
    "-5 * * * *",
    "1-2-3 * * * *",
    "*-5 * * * *",
    "** * * * *",
    "5-1 * * * *",  # CS-080
    "* * * dec-jan *",
    "* * * * fri-mon",
    "* * * * 6-0",
    "*/0 * * * *",  # CS-081
    "*/60 * * * *",
    "* */24 * * *",
    "* * */32 * *",
    "* * * */13 *",
    "* * * * */8",
    "0-30/0 * * * *",
    "0-30/60 * * * *",
    "5/0 * * * *",
    "*/ * * * *",
    "*/-5 * * * *",
    "*/5/5 * * * *",
    "*/a * * * *",
    "0 0 L * *",  # CS-084
    "0 0 15W * *",
    "0 0 * * 5#2",
    "0 0 * * 5L",
    "0 0 ? * *",
    "0 0 * * ?",
    "H * * * *",
    "every 1 minute",  # CS-085
    "every 5 minute",
    "every minutes",
    "every 7 days",
    "every 2 weeks",
    "every 5",
    "every",
    "5 minutes",
    "every five minutes",
    "every -5 minutes",
    "every 1.5 hours",
    "every 123456789 minutes",
    "every 0 minutes",  # CS-089
    "every 00 hours",
    "every 0 minutes synchronized",
    "every 5 minutes from 10:00",  # CS-090
    "every 5 minutes to 10:00",
    "every 5 minutes from 10:00 to 24:00",
    "every 5 minutes from 10:00 to 14:00 synchronized",
    "every 5 minutes from 10:00 to 14:00 on mon",
    "every 5 minutes from 10 to 14",
    "every 7 minutes synchronized",  # CS-092
    "every 48 hours synchronized",
    "every day 9",  # CS-093
    "every day 9:0",
    "every day 24:00",
    "every day 09:60",
    "every day 009:00",
    "every day 9:00 10:00",
    "every day 9:00am",
    "every day at 9:00",
    "monday 09:00",
    "day 9:00",
    "6th monday of month",  # CS-095
    "0th monday of month",
    "last monday of month",
    "1st,every monday of month",
    "1st day of month",
    "1st of month",
    "1st monday of",
    "1st monday of 4th month of quarter",  # CS-097
    "1st monday of every month of quarter",
    "1st monday of month of quarter",
    "32 of month 09:00",  # CS-098
    "0 of month",
    "001 of month",
    "1,15",
    "1,15 12:34",
    "1 of smarch",
    "1 monday of month",  # CS-099
    "1,mon of month",
    "1st,2 monday of month",
    "every mond 09:00",  # CS-101
    "every tues 09:00",
    "every mondays 09:00",
    "1 of sept",
    "every mon wed 09:00",
    "every mon,day 09:00",
    "every 60 minutes on",  # CS-102
    "every 60 minutes on day",
    "every 60 minutes on mond",
    "every 60 minutes on mon 09:00",
    "every\x005 minutes",
    "every\N{NO-BREAK SPACE}5\N{NO-BREAK SPACE}minutes",
    "0 9 * * \N{LATIN SMALL LETTER LONG S}un",
    "0," * 1000 + "0 * * * *",
]

NO_ZONES = [
    "Asia/Tokio",
    "Invalid/Unknown",
    "America",
    "America/",
    "../UTC",
    "/UTC",
    "/usr/share/zoneinfo/UTC",
    "/etc/passwd",
    "./UTC",
    "Etc/../UTC",
    "posix/UTC",
    "right/UTC",
    "posixrules",
    "localtime",
    "zone.tab",
    "tzdata.zi",
    "__init__.py",
    "Z" * 256,
    "UTC\0",
    "\0",
    " UTC",
    "UTC ",
    "Utc",
    "europe/berlin",
    "EUROPE/BERLIN",
    "Europe\\Berlin",
    "+01:00",
    "UTC+1",
    "\N{LATIN SMALL LETTER DOTLESS I}",
    "\udc80",
]

NEVER = [
    ("0 0 30 2 *", "UTC", NOT_VALID),  # CS-065 30 February
    ("0 0 31 2 *", "UTC", NOT_VALID),  # CS-065 31 February
    ("0 0 31 4,6,9,11 */3", "UTC", NOT_VALID),  # CS-065 months of 30 days
    ("2nd sun of mar 2:30", NEW_YORK, NO_NEXT_TIME),  # CS-065 clocks go forward
    ("30 of feb 9:00", "UTC", NO_NEXT_TIME),  # CS-065 30 of feb
    ("every 99999999 hours", "UTC", NO_NEXT_TIME),  # CS-065 past the year 9999
]
"""Text, zone, and the words of the refusal."""
