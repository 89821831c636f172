"""mitmdump -s addons/audit.py"""

from residency.proxy.audit import AuditAddon

addons = [AuditAddon()]
