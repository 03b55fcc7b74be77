using System.CommandLine;
using Orleans.DOS.Benchmarks;
using Orleans.DOS.Benchmarks.Bare;

if (args is ["bare-silo", var name, var silo, var gateway, var primary])
{
    await BareSilo.RunAsync(name, int.Parse(silo), int.Parse(gateway), int.Parse(primary));
    return 0;
}

var json = new Option<bool>("--json") { Description = "One JSON object a line" };
var quick = new Option<bool>("--quick") { Description = "Small sizes: ends within 50 s" };
var mebibytes = new Option<long?>("--mebibytes") { Description = "Size of the files written and read, for profiling (default 1024, with --quick 16)" };
var cases = new Option<string[]>("--case") { Description = "Of the suite files only these cases, for profiling (default: all)", AllowMultipleArgumentsPerToken = true };
var suites = new Argument<string[]>("suite") { Description = "files, list, processes, jobs (default: all)", Arity = ArgumentArity.ZeroOrMore };
var root = new RootCommand("Measures Orleans.DOS beside what the bare means reach in the same run") { suites, json, quick, mebibytes, cases };
root.SetAction(async (parsed, cancellation) =>
{
    var report = new BenchmarkReport(parsed.GetValue(json));
    var chosen = parsed.GetValue(suites) is { Length: > 0 } some ? some : ["files", "list", "processes", "jobs"];
    await using var run = await BenchmarkRun.StartAsync(report, new BenchmarkSizes(parsed.GetValue(quick), parsed.GetValue(mebibytes), parsed.GetValue(cases) ?? []));
    foreach (var suite in chosen)
    {
        await run.SuiteAsync(suite, cancellation);
    }
    report.Print();
    return report.AllMet ? 0 : 1;
});
return await root.Parse(args).InvokeAsync();
