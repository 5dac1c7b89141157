"""Logs as a real server wrote them, shortened, and cut off at each line."""

import pytest

from tenantry.planning.buildphase import PHASES, phase_of

CLONE = """Initializing deployment
Cloning Repo Custom http://127.0.0.1:18080/ok.git to /etc/dokploy/applications/web/code: ✅
Cloning into '/etc/dokploy/applications/web/code'...
remote: Enumerating objects: 4, done.\x20
remote: Counting objects:  25% (1/4)        \rremote: Counting objects: 100% (4/4), done.\x20
Receiving objects:  25% (1/4)\rReceiving objects:  75% (3/4)\r"""
RECEIVED = "Receiving objects: 100% (4/4)\rReceiving objects: 100% (4/4), done.\n"
CONTEXT = """Building acme-web-4kdbwc
DEPRECATED: The legacy builder is deprecated and will be removed in a future release.
Sending build context to Docker daemon  61.44kB\r\r
Step 1/6 : FROM node:22-alpine AS build
Step 2/6 : COPY package.json package-lock.json ./
Step 3/6 : RUN npm ci
"""
INSTALLED = """added 212 packages, and audited 213 packages in 2s
Step 4/6 : RUN npm run build
✓ 148 modules transformed.
"""
COPIED = "Step 5/6 : COPY --from=build /app/dist /srv\n"
BUILT = "Successfully built 464e7e0e64b6\nSuccessfully tagged acme-web-4kdbwc\n"
END = "✅ Docker build completed.\n"


def test_a_build_goes_through_every_phase_in_order():
    log, seen = "", []
    for part in (CLONE, RECEIVED, CONTEXT, INSTALLED, COPIED, BUILT, END):
        log += part
        seen.append(phase_of(log))
    assert seen == [*PHASES, "deploying"]


def test_a_log_read_letter_by_letter_never_goes_back():
    log = CLONE + RECEIVED + CONTEXT + INSTALLED + COPIED + BUILT + END
    ranks = [(["", *PHASES]).index(phase_of(log[:n])) for n in range(len(log) + 1)]
    assert ranks == sorted(ranks)


def test_a_build_without_installation_goes_on_to_its_image():
    log = CLONE + RECEIVED + "Building web\nStep 1/2 : FROM nginx:alpine\nStep 2/2 : COPY a /b\n"
    assert phase_of(log) == "installing"
    assert phase_of(log + BUILT) == "deploying"


def test_a_failed_build_stays_in_its_phase():
    log = CLONE + RECEIVED + CONTEXT + "npm ERR! code ELIFECYCLE\n❌ Docker build failed\n"
    assert phase_of(log) == "installing"


def test_a_refused_clone_stays_in_cloning():
    log = CLONE + "fatal: repository 'http://127.0.0.1:18080/none.git/' not found\n"
    assert phase_of(log) == "cloning"


def test_an_image_is_pulled_and_deployed():
    assert phase_of("Initializing deployment\nPulling nginx:1.27\n") == "cloning"
    assert phase_of("Pulling nginx:1.27\nDigest: x\n✅ Pulling image completed.\n") == "deploying"


@pytest.mark.parametrize("log", ["", "\n", "Initializing deployment\n", "x" * 1_000_000])
def test_no_phase_is_known_before_the_first_sign(log):
    assert phase_of(log) == ""
