"""The document with which a new product begins."""

STARTER = """\
name: My product
base_domain: example.com
db_required: true
db_type: postgres
services:
  - name: backend
    service_type: backend
    repo_url: https://github.com/your-company/backend
    repo_branch: main
    port: 8000
    health_path: /health
    env:
      DATABASE_URL: ${DATABASE_URL}
"""
