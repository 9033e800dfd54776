FROM python:3.13-slim AS build
RUN python -m venv /opt/shoal
WORKDIR /source
COPY requirements.lock .
RUN /opt/shoal/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY . .
RUN /opt/shoal/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/shoal shoal
COPY --from=build /opt/shoal /opt/shoal
ENV PATH=/opt/shoal/bin:$PATH SHOAL_HOME=/var/lib/shoal PYTHONUNBUFFERED=1 \
    OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1
USER shoal
WORKDIR /var/lib/shoal
EXPOSE 8787
CMD ["shoal", "--help"]
