#!/usr/bin/env bash
# Makes the packages of a built checkout and checks them: bash deploy/ci/packages.sh
#   each carries README, licence and a description of its own, and depends on no project that has no package;
#   the command line installs as a tool from the directory and starts a node and runs a program in it;
#   an application that references Orleans.DOS.Server builds and has the worker beside it.
# Needs `dotnet build Orleans.DOS.sln -c Release` before. One sentence for each failure; exit status 0 only if there was none.
set -uo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d "${TMPDIR:-/tmp}/dos-packages.XXXXXX")
out=$work/out
# A version of its own, so that nothing made or installed before is taken for it; it leaves NuGet's cache with us.
version=0.0.0-check.$$
cache=${NUGET_PACKAGES:-$HOME/.nuget/packages}
trap 'rm -rf "$work" "$cache"/orleans.dos.*/"$version" {src,grains,silo,client}/*/obj/Release/*."$version".nuspec; rmdir "$cache"/orleans.dos.* 2>/dev/null' EXIT
failed=0
fail() { echo "packages.sh: $*" >&2; failed=1; }

for project in $(grep -l '<IsPackable>true' {src,grains,silo,client}/*/*.csproj); do
  if ! dotnet pack "$project" -c Release --no-build -p:PackageVersion="$version" -o "$out" -v q -nologo >"$work/pack.log" 2>&1; then
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

if dotnet tool install Orleans.DOS.Cli --tool-path "$work/tools" --add-source "$out" --version "$version" >"$work/tool.log" 2>&1; then
  compgen -G "$work/tools/.store/orleans.dos.cli/*/orleans.dos.cli/*/tools/net10.0/any/node/worker/Orleans.DOS.Worker.dll" >/dev/null || fail "the installed dos has no node"
  "$work/tools/dos" --help | grep -q 'Usage' || fail "the installed dos prints no help"
  "$work/tools/dos" up --nodes 1 -d --data "$work/data" >"$work/up.log" 2>&1 || { cat "$work/up.log" >&2; fail "the installed dos starts no node"; }
  said=$("$work/tools/dos" run --data "$work/data" echo packed 2>&1)
  [ "$said" = packed ] || fail "the installed dos runs no program: $said"
  "$work/tools/dos" down --data "$work/data" >/dev/null || fail "the installed dos does not stop its node"
  "$work/tools/dos" fs ls --help | grep -q 'Usage' || fail "the installed dos prints no help for a command"
else
  cat "$work/tool.log" >&2
  fail "the tool cannot be installed"
fi
# An application of somebody else: it names one package, compiles, and has the worker beside it.
mkdir "$work/host"
cat >"$work/host/Host.csproj" <<PROJECT
<Project Sdk="Microsoft.NET.Sdk.Web">
  <PropertyGroup><TargetFramework>net10.0</TargetFramework><ImplicitUsings>enable</ImplicitUsings><Nullable>enable</Nullable></PropertyGroup>
  <PropertyGroup><RestoreAdditionalProjectSources>$out</RestoreAdditionalProjectSources><NuGetAudit>false</NuGetAudit></PropertyGroup>
  <ItemGroup><PackageReference Include="Orleans.DOS.Server" Version="$version" /></ItemGroup>
</Project>
PROJECT
cat >"$work/host/Program.cs" <<'PROGRAM'
using Orleans.DOS.Server;

var builder = WebApplication.CreateSlimBuilder(args);
builder.AddDosNode(options => options.DataDirectory = args[0]);
var app = builder.Build();
app.MapDosNode();
app.Run();
PROGRAM
if dotnet build "$work/host" -v q -nologo >"$work/host.log" 2>&1; then
  [ -e "$work/host/bin/Debug/net10.0/worker/Orleans.DOS.Worker.dll" ] || fail "a host of Orleans.DOS.Server has no worker"
else
  grep -E 'error' "$work/host.log" | sort -u | head -10 >&2
  fail "a host of Orleans.DOS.Server cannot be built"
fi
[ $failed = 0 ] && echo "packages: $(ls "$out" | grep -c '\.nupkg$') made and checked"
exit $failed
