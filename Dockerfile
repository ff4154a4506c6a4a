# videoswap with the engine mesh; other engines need weights, see below.
#
#   docker build -t videoswap .
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/work" videoswap \
#       swap -s me.jpg -i film.mp4
#
# Neural engines:        docker build --build-arg EXTRAS=[neural] -t videoswap .
# Weights and analyses:  -v videoswap-weights:/weights -v videoswap-cache:/cache
# NVIDIA GPUs:           docker build --build-arg EXTRAS=[neural] --build-arg GPU=1 -t videoswap .
#                        docker run --gpus all ...
FROM python:3.11-slim-bookworm

# What OpenCV's wheel links against.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*

COPY pyproject.toml README.md LICENSE /src/
COPY videoswap /src/videoswap
COPY weights/models.toml /src/weights/models.toml
COPY weights/lite/correction.onnx /src/weights/lite/correction.onnx

ARG EXTRAS=
ARG GPU=
# onnxruntime and onnxruntime-gpu overwrite each other: the one has to go before the other comes.
RUN pip install --no-cache-dir "/src${EXTRAS}" \
    && if [ -n "${GPU}" ]; then \
        pip uninstall --yes onnxruntime && pip install --no-cache-dir onnxruntime-gpu; \
    fi

# Any user may run it, so any user may write here. Nothing else is written but results.
RUN mkdir /cache /weights /work && chmod 1777 /cache /weights /work
ENV VIDEOSWAP_CACHE_DIR=/cache VIDEOSWAP_WEIGHTS_DIR=/weights PYTHONUNBUFFERED=1
RUN videoswap models download dense_landmarks

USER nobody
WORKDIR /work
ENTRYPOINT ["videoswap"]
CMD ["--help"]
