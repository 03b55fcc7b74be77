using Orleans.DOS.Machines;
using Orleans.DOS.Processes;

namespace Orleans.DOS.Benchmarks.Suites;

/// <summary>
/// Spawn <c>true</c> and wait for its end: alone one after another, and many at once. Before that the same load runs for a while without
/// being measured: it starts the workers and has the code of three nodes and the client compiled, which otherwise is most of what the first
/// seconds show. A process counts when its end was answered.
/// </summary>
public sealed class ProcessesSuite(BenchmarkReport report, IMachine machine, bool quick)
{
    private const int InFlight = 32;

    public async Task RunAsync(CancellationToken cancellation)
    {
        await Load.PerSecondAsync(quick ? TimeSpan.FromSeconds(2) : TimeSpan.FromSeconds(15), InFlight, _ => SpawnAndWaitAsync(cancellation));
        var alone = await Load.MillisecondsAsync(quick ? 20 : 500, () => SpawnAndWaitAsync(cancellation));
        report.Add(BenchmarkRow.AtMost("spawn-exit-alone", alone[alone.Length / 2], "ms (median)", 10));
        var rate = await Load.PerSecondAsync(quick ? TimeSpan.FromSeconds(1.5) : TimeSpan.FromSeconds(20), InFlight, _ => SpawnAndWaitAsync(cancellation));
        report.Add(BenchmarkRow.AtLeast("spawn-exit", rate, "processes/s", 1000));
    }

    private async Task SpawnAndWaitAsync(CancellationToken cancellation)
    {
        var process = await machine.Processes.SpawnAsync(new ProcessSpec { Program = "true" }, cancellation);
        var ended = await machine.Processes.WaitAsync(process.Pid, cancellation);
        if (ended.ExitCode != 0)
        {
            throw new InvalidOperationException($"process {process.Pid} ended as {ended.State} {ended.Reason}");
        }
    }
}
