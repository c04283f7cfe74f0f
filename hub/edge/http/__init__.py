"""The HTTP edge: partners' doors (REST and SOAP), the sender's view, health and metrics."""
