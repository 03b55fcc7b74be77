#!/usr/bin/env bash
# Makes the packages of a built checkout and checks them: bash deploy/ci/packages.sh [DIRECTORY]
#   each carries README, licence and a description of its own, and depends on no project that has no package;
#   the command line installs as a tool from the directory and runs.
# Needs `dotnet build Orleans.DOS.sln -c Release` before. One sentence for each failure; exit status 0 only if there was none.
set -uo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d "${TMPDIR:-/tmp}/dos-packages.XXXXXX")
trap 'rm -rf "$work"' EXIT
out=${1:-$work/out}
mkdir -p "$out"
out=$(cd "$out" && pwd)
failed=0
fail() { echo "packages.sh: $*" >&2; failed=1; }

for project in $(grep -l '<IsPackable>true' {src,grains,silo,client}/*/*.csproj); do
  if ! dotnet pack "$project" -c Release --no-build -o "$out" -v q -nologo >"$work/pack.log" 2>&1; then
    cat "$work/pack.log" >&2
    fail "$project cannot be packed"
  fi
done
[ $failed = 0 ] || exit 1

for name in Abstractions Client Server Cli; do
  compgen -G "$out/Orleans.DOS.$name.[0-9]*.nupkg" >/dev/null || fail "there is no package Orleans.DOS.$name"
done

one_of_ours='Orleans\.DOS\.[A-Za-z]*'
common=$(sed -n 's:.*<Description>\(.*\)</Description>.*:\1:p' Directory.Build.props)
for package in "$out"/Orleans.DOS.*.nupkg; do
  name=$(basename "$package" | sed 's/\.[0-9].*//')
  # What the package was made from; packing fails by itself when the README that it names is not in it.
  spec=$(cat {src,grains,silo,client}/"$name"/obj/Release/"$(basename "$package" .nupkg)".nuspec 2>/dev/null)
  grep -q '<license type="expression">MIT</license>' <<<"$spec" || fail "$name has no licence"
  grep -q '<readme>README.md</readme>' <<<"$spec" || fail "$name names no README"
  grep -q '<description>..*</description>' <<<"$spec" && ! grep -qF "<description>$common</description>" <<<"$spec" || fail "$name has no description of its own"
  for needed in $(grep -o "dependency id=\"$one_of_ours\"" <<<"$spec" | cut -d'"' -f2); do
    compgen -G "$out/$needed.[0-9]*.nupkg" >/dev/null || fail "$name depends on $needed, which has no package"
  done
done

# A cache of its own, so that what is tried is what was packed and not what was installed before.
version=$(sed -n 's:.*<Version>\(.*\)</Version>.*:\1:p' Directory.Build.props)
if NUGET_PACKAGES="$work/cache" dotnet tool install Orleans.DOS.Cli --tool-path "$work/tools" --add-source "$out" --version "$version" >"$work/tool.log" 2>&1; then
  "$work/tools/dos" --help | grep -q 'Usage' || fail "the installed dos prints no help"
  "$work/tools/dos" fs ls --help | grep -q 'Usage' || fail "the installed dos prints no help for a command"
else
  cat "$work/tool.log" >&2
  fail "the tool cannot be installed"
fi
[ $failed = 0 ] && echo "packages: $(ls "$out" | grep -c '\.nupkg$') made, dos $version installed and run"
exit $failed
