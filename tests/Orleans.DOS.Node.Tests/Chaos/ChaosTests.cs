using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.DOS.Catalog;
using Orleans.DOS.Checks;
using Orleans.DOS.Client;
using Orleans.DOS.Client.Http;
using Orleans.DOS.Files;
using Orleans.DOS.Machines;
using Orleans.DOS.Node.Tests.Chaos.Histories;
using Orleans.DOS.Node.Tests.Harness;
using Orleans.DOS.Processes;
using Xunit;

namespace Orleans.DOS.Node.Tests.Chaos;

/// <summary>
/// Clients go on calling while nodes, their disks, the network and the database fail, one after the other, chosen by a seed. What they
/// saw must be explainable, and outside the promised times everything must succeed. The seed is DOS_SEED, the faults DOS_FAULTS
/// (names, by commas), the length with --full DOS_CHAOS_MINUTES (60; over SQLite 20).
/// </summary>
[Collection(RealNodes.Name)]
public sealed class ChaosTests(ITestOutputHelper output)
{
    private const int PerSecond = 20;
    private const double SucceedAtLeast = 0.999;

    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(5), FilledUp = TimeSpan.FromSeconds(60), EachMinute = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan InTime = TimeSpan.FromSeconds(10), Ended = TimeSpan.FromSeconds(60), Settled = TimeSpan.FromSeconds(8);

    /// <summary>An isolated node's lease has run out by then: its 2 s, and one for the reading that was under way.</summary>
    private static readonly TimeSpan LeaseOver = TimeSpan.FromSeconds(3);

    private readonly List<(long Begin, long End)> _disturbed = [];
    private readonly List<(int Node, long From, long Until)> _isolated = [];

    /// <summary>The small dose: the fault that asks most of leases and fences, and the one that asks most of replicas.</summary>
    [Fact]
    public async Task Calls_OnPostgresWithoutASupervisor_AreExplainable_AndSucceedOutsideThePromisedTimes()
    {
        Assert.SkipWhen(PostgresServer.Binaries is null, "PostgreSQL is not installed");
        var small = Fault.OnPostgres.Where(fault => fault.Name is "split and cut off from the database" or "wiped disk");
        await MeetAllAsync(async () => await RelayedNodes.StartAsync(), Fault.OnPostgres, small, minutes: 60);
    }

    /// <summary>The small dose: a node freezes in the middle of a transaction, which holds up all others until the supervisor kills it.</summary>
    [Fact]
    public async Task Calls_OnSqliteUnderASupervisor_AreExplainable_AndSucceedOutsideThePromisedTimes() => await MeetAllAsync(
        async () => await SupervisedNodes.StartAsync(), Fault.OnSqlite, Fault.OnSqlite.Where(fault => fault.Name == "freeze while it writes"), minutes: 20);

    private async Task MeetAllAsync(Func<Task<IHurtNodes>> start, IReadOnlyList<Fault> known, IEnumerable<Fault> small, int minutes)
    {
        var seed = Number("DOS_SEED", RealNodes.FullDose ? Random.Shared.Next() : 1);
        var random = new Random(seed);
        Tell($"seed {seed}");
        await using var nodes = await start();
        var possible = Fault.Possible(known, nodes.CanFillDisk, RealNodes.FullDose);
        if (known.Except(possible).ToList() is { Count: > 0 } missing)
        {
            Tell($"without the right to mount a disk there is no: {string.Join(", ", missing.Select(fault => fault.Name))}");
        }
        var faults = Chosen(random, possible, small.Intersect(possible), minutes);
        var all = nodes.Doors.ToArray();
        HttpMachine Http(params Uri[] urls) => HttpMachine.Create(new HttpMachineOptions { Urls = urls, Token = nodes.Credential });
        using var first = Http(all);
        using var second = Http(all[1], all[2], all[0]);
        using var third = Http(all[2], all[0], all[1]);
        using var host = OverOrleans(all, nodes.Credential);
        await host.StartAsync();
        var overOrleans = (IMachine)host.Services.GetService(typeof(IMachine))!;
        await MixedLoad.PrepareAsync(first);
        var load = new MixedLoad([first, second, third, overOrleans], seed, PerSecond);
        // Know one door only: when that is the minority's they must be refused, and are not counted among those that must succeed.
        var bound = Array.ConvertAll(all, door => Http(door));
        var minorities = bound.Select((client, node) => new MixedLoad([client], seed + 1 + node, PerSecond / 10)).ToArray();

        using var stop = new CancellationTokenSource();
        var running = Task.WhenAll([load.RunAsync(stop.Token), .. minorities.Select(minority => minority.RunAsync(stop.Token))]);
        try
        {
            foreach (var fault in faults)
            {
                await MeetAsync(nodes, fault, random, first, bound);
            }
        }
        catch (Exception failure)
        {
            Assert.Fail($"seed {seed}: {failure}");
        }
        finally
        {
            await stop.CancelAsync();
            await running;
            Array.ForEach(bound, client => client.Dispose());
        }
        await load.ReadAllAsync();
        await EveryProcessEndedAsync(first, [.. load.Spawned, .. minorities.SelectMany(minority => minority.Spawned)]);
        await FoundNothingAsync(nodes, first, deep: true);

        var history = load.History.Concat(minorities.SelectMany(minority => minority.History)).ToList();
        List<string> wrong = [.. Explain(history), .. _isolated.SelectMany(time => MinorityChecker.Check(minorities[time.Node].History, time.From, time.Until))];
        Assert.True(wrong.Count == 0, $"seed {seed}: {wrong.Count} cannot be explained:\n{string.Join('\n', wrong.Take(20))}\n{nodes.Logs}");
        Succeeded(seed, load.History);
    }

    private static List<Fault> Chosen(Random random, IReadOnlyList<Fault> known, IEnumerable<Fault> small, int minutes)
    {
        if (Environment.GetEnvironmentVariable("DOS_FAULTS") is { Length: > 0 } text)
        {
            var names = text.Split(',', StringSplitOptions.TrimEntries);
            var named = names.SelectMany(name => known.Where(fault => fault.Name == name)).ToList();
            Assert.SkipWhen(named.Count == 0, "DOS_FAULTS names none of these");
            return named;
        }
        return RealNodes.FullDose ? [.. Enumerable.Range(0, Number("DOS_CHAOS_MINUTES", minutes)).Select(_ => known[random.Next(known.Count)])] : [.. small];
    }

    private async Task MeetAsync(IHurtNodes nodes, Fault fault, Random random, IMachine machine, IReadOnlyList<IMachine> doors)
    {
        var (watch, node) = (Stopwatch.StartNew(), random.Next(RelayedNodes.Count));
        // Calls need the time that they may take before the fault, to be counted at all.
        await Task.Delay(Quiet); // tidy: the load itself goes on meanwhile
        var begin = Stopwatch.GetTimestamp();
        await fault.Begin(nodes, node);
        var begun = Stopwatch.GetTimestamp();
        await Task.Delay(fault.Lasts); // tidy: how long the fault lasts
        var healing = Stopwatch.GetTimestamp();
        if (fault.Isolates)
        {
            _isolated.Add((node, begun + Ticks(LeaseOver), healing));
        }
        _disturbed.Add((begin, begun + Ticks(fault.Promised)));
        await nodes.HealAsync();
        await Task.WhenAll(doors.Select(door => AnswersAsync(door, fault.AnswersAgain, nodes)));
        var healed = Stopwatch.GetTimestamp();
        var again = Stopwatch.GetElapsedTime(healing, healed);
        Assert.True(again <= fault.AnswersAgain, $"{fault.Name} of n{node + 1}: every door answers only {again.TotalSeconds:0.0} s after healing, not within {fault.AnswersAgain.TotalSeconds} s\n{nodes.Logs}");
        // Nodes that hear only now that they are dead end and start again: that is a crash each. Never more than was promised.
        _disturbed.Add((healing, Math.Min(healed + Ticks(Settled), healing + Ticks(fault.AnswersAgain))));
        var filled = await Eventually.TrueAsync("nothing is below its target", FilledUp, async () => (await machine.Nodes.ClusterAsync()).BytesBelowTarget == 0, () => nodes.Logs);
        await FoundNothingAsync(nodes, machine, deep: false);
        Tell($"{fault.Name} of n{node + 1}: every door answers {again.TotalSeconds:0.0} s after its end, all replicas {filled.TotalSeconds:0.0} s later");
        if (RealNodes.FullDose && EachMinute - watch.Elapsed is var left && left > TimeSpan.Zero)
        {
            await Task.Delay(left); // tidy: a fault a minute
        }
    }

    /// <summary>A node that answers for itself: what is read and changed through it alone.</summary>
    private static Task AnswersAsync(IMachine door, TimeSpan within, IHurtNodes nodes) => Eventually.TrueAsync("every door answers", within, async () =>
    {
        var path = $"/chaos/again-{Guid.NewGuid():N}";
        await door.Files.WriteAllBytesAsync(path, new byte[Limits.InlineBytesMax * 2]);
        var read = await door.Files.ReadAllBytesAsync(path);
        await door.Files.RemoveAsync(path);
        return read.Length == Limits.InlineBytesMax * 2;
    }, () => nodes.Logs);

    /// <summary>The catalog agrees with itself and with all disks, while the load goes on. What a look meets in the middle of repair, the next one does not.</summary>
    private static async Task FoundNothingAsync(IHurtNodes nodes, IMachine machine, bool deep)
    {
        List<Finding> findings = [];
        await Eventually.TrueAsync("a check finds nothing", FilledUp, async () =>
        {
            findings = [];
            string? after = null;
            do
            {
                var step = await machine.Files.CheckAsync(new CheckOptions { Deep = deep }, after);
                findings.AddRange(step.Findings);
                after = step.Next;
            }
            while (after is not null);
            return findings.Count == 0;
        }, () => string.Join('\n', findings) + "\n" + nodes.Logs);
    }

    private static List<string> Explain(List<Operation> history) =>
    [
        .. history.Where(operation => operation.Kind is OperationKind.Append or OperationKind.ReadLog).GroupBy(operation => operation.Object)
            .SelectMany(log => LogChecker.Check([.. log]).Select(wrong => $"{log.Key}: {wrong}")),
        .. history.Where(operation => operation.Kind is OperationKind.Put or OperationKind.Get).GroupBy(operation => operation.Object)
            .SelectMany(file => RegisterChecker.Check([.. file]).Select(wrong => $"{file.Key}: {wrong}")),
        .. history.Where(operation => operation.Kind is OperationKind.Rename or OperationKind.Look).GroupBy(operation => operation.Object)
            .SelectMany(file => MoveChecker.Check([.. file]).Select(wrong => $"{file.Key}: {wrong}")),
    ];

    private void Succeeded(int seed, IReadOnlyCollection<Operation> history)
    {
        // Whatever was under way when a fault began is inside it.
        var outside = history.Where(operation => !_disturbed.Any(time => operation.Start < time.End && operation.End > time.Begin)).ToList();
        var failed = outside.Where(operation => operation.Outcome is not (Outcome.Done or Outcome.Declined) || operation.Took > InTime).ToList();
        var slowest = outside.Count == 0 ? TimeSpan.Zero : outside.Max(operation => operation.Took);
        Tell($"{history.Count} calls, {history.Count(operation => operation.Outcome is not (Outcome.Done or Outcome.Declined))} of them failed; {outside.Count} outside the promised times, "
            + $"{failed.Count} of them failed, the slowest took {slowest.TotalSeconds:0.00} s; nothing that cannot be explained");
        Assert.True(outside.Count > PerSecond && failed.Count <= (1 - SucceedAtLeast) * outside.Count,
            $"seed {seed}: of {outside.Count} calls outside the promised times {failed.Count} failed:\n" + string.Join('\n', failed.Take(20).Select(Shown)));
    }

    private string Shown(Operation operation) => string.Create(CultureInfo.InvariantCulture,
        $"{operation} after {operation.Took.TotalSeconds:0.00} s, {Since(operation.Start):0.0} s behind the last promised time: {operation.Failure}");

    private double Since(long instant) => _disturbed.Where(time => time.End <= instant).Select(time => Stopwatch.GetElapsedTime(time.End, instant).TotalSeconds).DefaultIfEmpty(-1).Min();

    /// <summary>Each ran to its end, or is known to have been lost with its node.</summary>
    private static async Task EveryProcessEndedAsync(IMachine machine, IReadOnlyList<ProcessId> spawned)
    {
        Assert.Equal(spawned.Count, spawned.Distinct().Count());
        foreach (var pid in spawned)
        {
            await Eventually.TrueAsync($"process {pid} has ended", Ended, async () => (await machine.Processes.StatusAsync(pid)).State is ProcessState.Exited or ProcessState.Failed);
        }
    }

    private static IHost OverOrleans(Uri[] urls, string credential)
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddDosClient(client => client.UseOrleans(urls, credential));
        return builder.Build();
    }

    private static int Number(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : otherwise;

    private static long Ticks(TimeSpan time) => (long)(time.TotalSeconds * Stopwatch.Frequency);

    private void Tell(string line)
    {
        output.WriteLine(line);
        if (Environment.GetEnvironmentVariable("DOS_CHAOS_LOG") is { Length: > 0 } file)
        {
            System.IO.File.AppendAllText(file, $"{DateTimeOffset.UtcNow:HH:mm:ss} {line}\n");
        }
    }
}
