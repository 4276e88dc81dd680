"""HTTP only: parse, call, shape. No SQL and no rules of the business."""
