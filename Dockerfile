# The lite install: the web app and all commands on the bundled model, without torch. See docs/deploying.md.
FROM python:3.12-slim AS build
WORKDIR /source
RUN python -m venv /venv
COPY requirements/lite.txt requirements/
RUN /venv/bin/pip install --no-cache-dir --requirement requirements/lite.txt
COPY pyproject.toml README.md LICENSE ./
COPY configs configs
COPY mmembed mmembed
RUN /venv/bin/pip install --no-cache-dir --no-deps .

FROM python:3.12-slim
RUN useradd --uid 1000 --create-home mmembed && install --directory --owner=mmembed /gallery
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH \
    MMEMBED_GALLERY=/gallery/photos.mm \
    HF_HUB_OFFLINE=1
USER 1000
WORKDIR /home/mmembed
VOLUME /gallery
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:7860/', timeout=8)"]
# It listens on all addresses of the container, so it does not start without a password.
CMD ["sh", "-c", ": \"${MMEMBED_AUTH:?has to be NAME:PASSWORD, which visitors are asked for}\" && exec mmembed app --host 0.0.0.0"]
