FROM python:3.13-slim
RUN useradd --system --create-home --uid 10001 tenantry
WORKDIR /app
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY platform platform
COPY migrations migrations
COPY examples examples
COPY wsgi.py celeryconfig.py ./
RUN pip install --no-cache-dir -c constraints.txt -e .
USER tenantry
EXPOSE 8000
STOPSIGNAL SIGTERM
CMD ["tenantry", "run", "web", "--bind", "0.0.0.0:8000"]
