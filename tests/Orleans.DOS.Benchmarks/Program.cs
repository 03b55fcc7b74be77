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
var suites = new Argument<string[]>("suite") { Description = "files, processes, jobs (default: all)", Arity = ArgumentArity.ZeroOrMore };
var root = new RootCommand("Measures Orleans.DOS beside what the bare means reach in the same run") { suites, json, quick };
root.SetAction(async (parsed, cancellation) =>
{
    var report = new BenchmarkReport(parsed.GetValue(json));
    var chosen = parsed.GetValue(suites) is { Length: > 0 } some ? some : ["files", "processes", "jobs"];
    await using var run = await BenchmarkRun.StartAsync(report, parsed.GetValue(quick));
    foreach (var suite in chosen)
    {
        await run.SuiteAsync(suite, cancellation);
    }
    report.Print();
    return report.AllMet ? 0 : 1;
});
return await root.Parse(args).InvokeAsync();
