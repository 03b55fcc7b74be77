using System.Diagnostics;
using Orleans.DOS.Catalog;
using Orleans.DOS.Client.Http;
using Orleans.DOS.Files;
using Orleans.DOS.Node.Tests.Harness;
using Orleans.DOS.Processes;
using Xunit;

namespace Orleans.DOS.Node.Tests.Chaos;

/// <summary>The network splits one node from the two others, and from the database: both halves are asked.</summary>
[Collection(RealNodes.Name)]
public sealed class SplitTests
{
    private const int Minority = 2;

    /// <summary>The lease of 2 s, and one for the reading that was under way.</summary>
    private static readonly TimeSpan LeaseOver = TimeSpan.FromSeconds(3);

    /// <summary>Noticed within 15 s; then the fence, and the file is opened anew.</summary>
    private static readonly TimeSpan TakenOver = TimeSpan.FromSeconds(30);

    /// <summary>The node hears only now that it is dead, ends and is started again: see <see cref="Fault.AnswersAgain"/>.</summary>
    private static readonly TimeSpan Healed = TimeSpan.FromSeconds(45);
    private static readonly TimeSpan Asked = TimeSpan.FromSeconds(8);
    private static readonly byte[] Old = Filled(1), New = Filled(2);

    [Fact]
    public async Task Majority_GoesOn_MinorityRefuses_AndAfterHealingEverythingAnswersAndNothingIsLost()
    {
        Assert.SkipWhen(PostgresServer.Binaries is null, "PostgreSQL is not installed");
        await using var nodes = await RelayedNodes.StartAsync();
        HttpMachine Http(params IEnumerable<int> doors) => HttpMachine.Create(new HttpMachineOptions { Urls = [.. doors.Select(door => nodes.Doors[door])], Token = nodes.Credential });
        using var minority = Http(Minority);
        using var majority = Http(RelayedNodes.Others(Minority));
        // Opened where it will be cut off, with a replica there: nothing but the lease keeps that node from answering. Not closed, its door goes.
        var owned = await minority.Files.OpenAsync("/owned", new FileOpenOptions { Create = true, Replicas = 3 });
        await owned.WriteAsync(0, Old);
        Assert.Equal(Old, (await owned.ReadAsync(0, Old.Length)).ToArray());

        nodes.Split(Minority);
        // Refused and not merely silent: what waits for the database would be late by that alone, and the lease would not be needed.
        nodes.Database(Minority).Cut();
        await Task.Delay(LeaseOver); // tidy: the lease of another process runs out
        await RefusesAsync(minority, owned);
        await Eventually.TrueAsync("the majority takes the file over", TakenOver, async () =>
        {
            await using var taken = await majority.Files.OpenAsync("/owned");
            await taken.WriteAsync(0, New);
            return (await taken.ReadAsync(0, New.Length)).Span.SequenceEqual(New);
        }, () => nodes.Logs);
        await Eventually.TrueAsync("the majority makes names and processes", TakenOver, async () =>
        {
            await majority.Files.MakeDirectoryAsync("/majority", parents: true);
            return (await majority.Processes.WaitAsync((await majority.Processes.SpawnAsync(new ProcessSpec { Program = "true" })).Pid)).State == ProcessState.Exited;
        }, () => nodes.Logs);
        await RefusesAsync(minority, owned);

        var healing = Stopwatch.StartNew();
        await nodes.HealAsync();
        using var again = Http(Minority);
        await Eventually.TrueAsync("the minority's door answers again", Healed, async () =>
        {
            await again.Files.MakeDirectoryAsync("/minority", parents: true);
            return (await again.Files.ReadAllBytesAsync("/owned")).AsSpan().SequenceEqual(New);
        }, () => nodes.Logs);
        var names = (await again.Files.ListAsync("/")).Items.Select(entry => entry.Name).ToList();
        Assert.Superset(new HashSet<string> { "majority", "minority", "owned" }, names.ToHashSet());
        Assert.DoesNotContain("lost", names);
        Assert.True(healing.Elapsed < Healed, $"everything answers again only {healing.Elapsed.TotalSeconds:0.0} s after healing\n{nodes.Logs}");
    }

    /// <summary>Neither what needs the catalog nor what the node could answer from memory and its own disk.</summary>
    private static async Task RefusesAsync(HttpMachine minority, IFileHandle owned)
    {
        Func<Task>[] calls =
        [
            async () => await owned.ReadAsync(0, Old.Length),
            async () => await owned.StatAsync(),
            async () => await owned.WriteAsync(0, Old),
            async () => await minority.Files.MakeDirectoryAsync("/lost"),
            async () => await minority.Files.ReadAllBytesAsync("/owned"),
            async () => await minority.Processes.SpawnAsync(new ProcessSpec { Program = "true" }),
        ];
        var failures = await Task.WhenAll(calls.Select(call => Assert.ThrowsAsync<DosException>(call))).WaitAsync(Asked);
        Assert.All(failures, failure => Assert.True(failure.Code is DosErrorCode.Unavailable or DosErrorCode.OutcomeUnknown, $"{failure.Code}: {failure.Message}"));
        // What it could have answered at once is refused at once, and not merely left without an answer.
        Assert.Equal(DosErrorCode.Unavailable, failures[0].Code);
    }

    private static byte[] Filled(byte value)
    {
        var bytes = new byte[20_000];
        Array.Fill(bytes, value);
        return bytes;
    }
}
