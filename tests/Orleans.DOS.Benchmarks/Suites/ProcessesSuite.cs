using Orleans.DOS.Machines;
using Orleans.DOS.Processes;

namespace Orleans.DOS.Benchmarks.Suites;

public sealed class ProcessesSuite(BenchmarkReport report, IMachine machine, bool quick)
{
    public async Task RunAsync(CancellationToken cancellation)
    {
        // The first spawns start workers and compile code; they are not what is measured.
        await Load.MillisecondsAsync(quick ? 5 : 20, () => SpawnAndWaitAsync(cancellation));
        var alone = await Load.MillisecondsAsync(quick ? 20 : 500, () => SpawnAndWaitAsync(cancellation));
        report.Add(BenchmarkRow.AtMost("spawn-exit-alone", alone[alone.Length / 2], "ms (median)", 10));
        var rate = await Load.PerSecondAsync(quick ? TimeSpan.FromSeconds(1.5) : TimeSpan.FromSeconds(20), 32, _ => SpawnAndWaitAsync(cancellation));
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
