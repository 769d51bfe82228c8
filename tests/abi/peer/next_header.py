#!/usr/bin/env python3
"""next_header.py CAISSON_H: prints a made-up next minor of it, with all that a minor may bring:
two more members in each struct, one more of each set of constants, and one more extension."""
import re
import sys

# By what a struct is aligned to: a member that needs more would move the structs of older peers.
MEMBERS = {8: "  uint64_t next_number;\n  int32_t (*next_call)(void *ctx);\n",
           4: "  uint32_t next_number;\n  uint32_t next_reserved;\n"}
CONSTANTS = """
#define CAISSON_E_NEXT (-1000)
#define CAISSON_ERROR_NEXT (UINT32_C(1) << 30)
#define CAISSON_REASON_NEXT "next.reason"
#define CAISSON_LOG_NEXT 1000
#define CAISSON_REQUEST_NEXT (UINT32_C(1) << 30)
#define CAISSON_STREAM_NEXT 1000
#define CAISSON_OUTCOME_NEXT 1000
#define CAISSON_RESULT_NEXT (UINT32_C(1) << 30)
#define CAISSON_EXT_NEXT "caisson.next/1"
typedef struct caisson_next {
  uint32_t struct_size;
  uint32_t reserved;
  uint64_t number;
} caisson_next;
"""

with open(sys.argv[1], encoding="utf-8") as f:
    text = f.read()
text = re.sub(r"(#define CAISSON_ABI_MINOR) (\d+)",
              lambda m: "%s %d" % (m[1], int(m[2]) + 1), text)
text = text.replace("} caisson_str;", "} caisson_str;" + CONSTANTS)


def grown(struct):
    wide = re.search(r"\*|64_t|caisson_str \w+;", re.sub(r"/\*.*?\*/", "", struct[1], flags=re.S))
    return "%s%s} %s;" % (struct[1], MEMBERS[8 if wide else 4], struct[2])


# caisson_str is the one struct that can never grow.
text = re.sub(r"(^typedef struct (?!caisson_str)caisson_\w+ \{.*?)^\} (caisson_\w+);", grown, text,
              flags=re.M | re.S)
sys.stdout.write(text)
