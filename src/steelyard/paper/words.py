"""The words that all pages share, in both languages."""

from __future__ import annotations

from typing import Any

SHARED: dict[str, dict[str, Any]] = {
    "zh": {
        "synthetic": "合成数据 SYNTHETIC", "unknown": "未知", "missing": "缺", "there": "有",
        "kinds": {"contract": "合同", "invoice": "发票", "payment": "付款凭证", "photo": "照片", "export": "系统导出", "report": "报告",
                  "certificate": "证书", "other": "其他"},
        "status": {"official": "官方", "secondary": "转引", "draft": "草案", "ours": "自定"},
        "fields": {"subject": "对象", "codes": "代码", "framework": "评估框架", "document": "依据", "status": "来源性质", "force": "生效",
                   "period": "期间", "level": "等级", "range": "可能范围", "heard": "已答/应答", "grade": "证据等级", "flags": "标记", "digest": "摘要",
                   "home": "本地库", "key": "公钥", "made": "生成时间"},
        "since": "{day} 起", "never": "–", "name": "材料", "date": "日期", "kind": "类别", "amount": "金额（元）",
        "item": "题项", "answer": "答案", "evidence": "佐证", "unanswered": "未答", "contradicts": "相互矛盾", "measure": "指标", "state": "状态",
        "verify": "每份材料的原件按 SHA-256 命名，装在同名 .bundle 文件中。离线核验：steelyard verify 文件.bundle --key 公钥；核验签名、封存树、每个数与每份材料的字节。"
                  "公钥请另行向对方核对。", "signed": "申请单位（盖章）：                    负责人：                    日期：",
        "documents_count": "{count} 份", "footer": "{home} · {id} · {made}",
    },
    "en": {
        "synthetic": "SYNTHETIC DATA 合成数据", "unknown": "unknown", "missing": "missing", "there": "there",
        "kinds": {"contract": "contract", "invoice": "invoice", "payment": "payment", "photo": "photo", "export": "export of a system",
                  "report": "report", "certificate": "certificate", "other": "other"},
        "status": {"official": "official", "secondary": "secondary", "draft": "draft", "ours": "ours"},
        "fields": {"subject": "Subject", "codes": "Codes", "framework": "Framework", "document": "Document", "status": "Status", "force": "In force",
                   "period": "Period", "level": "Level", "range": "Can be", "heard": "Answered of asked", "grade": "Grade", "flags": "Flags",
                   "digest": "Digest", "home": "Home", "key": "Public key", "made": "Made at"},
        "since": "from {day}", "never": "–", "name": "Document", "date": "Date", "kind": "Kind", "amount": "Amount (CNY)",
        "item": "Item", "answer": "Answer", "evidence": "Evidence", "unanswered": "unanswered", "contradicts": "contradicting", "measure": "Measure",
        "state": "State",
        "verify": "The original of each document, named by its SHA-256, is in the .bundle file of the same name. Verify offline: steelyard verify FILE.bundle "
                  "--key KEY. It verifies the signature, the sealed trees, each number and the bytes of each document. Check the key with its owner by another way.",
        "signed": "Applicant (seal):                    Responsible:                    Date:",
        "documents_count": "{count} documents", "footer": "{home} · {id} · {made}",
    },
}  # fmt: skip
