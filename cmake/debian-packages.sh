# The Debian 12 packages that dynvert is built from, in one place; sourced by examples/quickstart.sh and tests/run.sh.

build_packages="g++ cmake ninja-build pkg-config git libboost-dev libarmadillo-dev libopenblas-dev liblapack-dev libhdf5-dev
  libmatio-dev libcli11-dev libtomlplusplus-dev libfmt-dev nlohmann-json3-dev zlib1g-dev nettle-dev"
python_packages="pybind11-dev python3-dev"   # of the Python module, which is built where they are
plot_packages="python3 python3-numpy python3-h5py python3-xarray python3-matplotlib"
test_packages="catch2 librapidcheck-dev clang-14 libclang-rt-14-dev clang-format-14 cppcheck python3-scipy python3-netcdf4
  python3-h5netcdf octave gnuplot-nox qemu-user
  fonts-freefont-otf hdf5-tools chromium chromium-driver python3-selenium"
benchmark_packages="libbenchmark-dev"
# npm fetches the plotting library of `dynvert report`. A machine may have one from elsewhere, with which Debian's does not
# go together.
command -v npm >/dev/null || test_packages+=" npm"

# Installs those of the named packages that are missing. Asks for nothing and runs nothing when none is.
install_missing() {
  local missing=() package
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "Installing: ${missing[*]}"
  local run=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "These Debian packages are missing, and installing them takes root or sudo: ${missing[*]}" >&2
      return 1
    fi
    run=(sudo)
  fi
  apt_get_when_free "${run[@]}" -- update -qq
  apt_get_when_free "${run[@]}" -- install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# apt_get_when_free [sudo] -- ARGUMENTS: apt-get, which waits until no other package manager is at work, ten minutes at most.
# apt's own waiting (DPkg::Lock::Timeout) is for the lock of dpkg alone, not for those of the lists and of the archives.
apt_get_when_free() {
  local run=() log code deadline=$((SECONDS + ${apt_wait_seconds:-600})) said=
  while [ "$1" != -- ]; do run+=("$1"); shift; done
  shift
  log=$(mktemp)
  while true; do
    code=0
    "${run[@]}" env LC_ALL=C DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout="${apt_wait_seconds:-600}" "$@" 2>"$log" ||
      code=$?
    if [ $code -eq 0 ] || [ $SECONDS -ge $deadline ] || ! grep -qE 'Could not get lock|Unable to (acquire|lock)' "$log"; then break; fi
    [ -n "$said" ] || echo "Another package manager is at work; waiting for it ..." >&2
    said=yes
    sleep 2
  done
  cat "$log" >&2
  rm -f "$log"
  return $code
}
