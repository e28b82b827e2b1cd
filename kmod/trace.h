/* SPDX-License-Identifier: GPL-2.0-only */
/* trace.h - a message from its reception to its answer, for perf, ftrace and BPF. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM ksmbd_hybrid

#if !defined(KH_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define KH_TRACE_H

#include <linux/tracepoint.h>

/* A whole message is here. */
TRACE_EVENT(kh_receive,
	TP_PROTO(u64 conn, u32 len),
	TP_ARGS(conn, len),
	TP_STRUCT__entry(__field(u64, conn) __field(u32, len)),
	TP_fast_assign(__entry->conn = conn; __entry->len = len;),
	TP_printk("conn=%llu len=%u", __entry->conn, __entry->len)
);

/* A request that the module may answer: it looks at session and handle now. */
TRACE_EVENT(kh_dispatch,
	TP_PROTO(u64 conn, u64 message_id, u16 command),
	TP_ARGS(conn, message_id, command),
	TP_STRUCT__entry(__field(u64, conn) __field(u64, message_id) __field(u16, command)),
	TP_fast_assign(__entry->conn = conn; __entry->message_id = message_id;
		       __entry->command = command;),
	TP_printk("conn=%llu message_id=%llu command=%u", __entry->conn, __entry->message_id,
		  __entry->command)
);

/* It was answered. */
TRACE_EVENT(kh_complete,
	TP_PROTO(u64 conn, u64 message_id, u16 command, u32 status),
	TP_ARGS(conn, message_id, command, status),
	TP_STRUCT__entry(__field(u64, conn) __field(u64, message_id) __field(u16, command)
			 __field(u32, status)),
	TP_fast_assign(__entry->conn = conn; __entry->message_id = message_id;
		       __entry->command = command; __entry->status = status;),
	TP_printk("conn=%llu message_id=%llu command=%u status=0x%08x", __entry->conn,
		  __entry->message_id, __entry->command, __entry->status)
);

/* A message goes to the daemon. */
TRACE_EVENT(kh_upcall,
	TP_PROTO(u64 conn, u32 len, u16 flags),
	TP_ARGS(conn, len, flags),
	TP_STRUCT__entry(__field(u64, conn) __field(u32, len) __field(u16, flags)),
	TP_fast_assign(__entry->conn = conn; __entry->len = len; __entry->flags = flags;),
	TP_printk("conn=%llu len=%u flags=0x%x", __entry->conn, __entry->len, __entry->flags)
);

#endif /* KH_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
