using Orleans.DOS.Catalog;
using Orleans.DOS.Client.Http;
using Orleans.DOS.Files;
using Orleans.DOS.Node.Tests.Harness;
using Orleans.DOS.Nodes;
using Xunit;

namespace Orleans.DOS.Node.Tests.Chaos;

/// <summary>A node is stopped for longer than the others believe in it, and goes on as if nothing had been.</summary>
[Collection(RealNodes.Name)]
public sealed class FrozenOwnerTests
{
    private const int Readers = 40;
    private static readonly TimeSpan Verdict = TimeSpan.FromSeconds(30), TakenOver = TimeSpan.FromSeconds(30), Answered = TimeSpan.FromSeconds(30);
    private static readonly byte[] Old = Filled(1), New = Filled(2);

    /// <summary>
    /// It owns a file and has its content in memory. Meanwhile the file is taken over and written. Readers that have been waiting at its
    /// door are answered in the instant in which it goes on, before it can have heard of anything.
    /// </summary>
    [Fact]
    public async Task Owner_FrozenPastItsVerdict_AnswersNothingStale()
    {
        Assert.SkipWhen(PostgresServer.Binaries is null, "PostgreSQL is not installed");
        await using var server = await PostgresServer.StartAsync();
        await using var nodes = await TestNodes.StartAsync(3, await server.CreateDatabaseAsync());
        var frozen = nodes[2];
        using var atFrozen = HttpMachine.Create(new HttpMachineOptions { Urls = [new Uri(frozen.Url)], Token = nodes.Credential });
        using var atOthers = HttpMachine.Create(new HttpMachineOptions { Urls = [new Uri(nodes[0].Url), new Uri(nodes[1].Url)], Token = nodes.Credential });
        // Not closed at the end: its only door is gone by then.
        var owned = await atFrozen.Files.OpenAsync("/frozen", new FileOpenOptions { Create = true, Replicas = 3 });
        await owned.WriteAsync(0, Old);
        Assert.Equal(Old, (await owned.ReadAsync(0, Old.Length)).ToArray());

        frozen.Stop();
        await Eventually.TrueAsync("it is dead", Verdict, async () =>
            (await atOthers.Nodes.ListAsync()).Single(node => node.Id.Value == frozen.NodeId).State == NodeState.Dead, () => nodes.Logs);
        await Eventually.TrueAsync("its file is taken over", TakenOver, async () =>
        {
            await using var taken = await atOthers.Files.OpenAsync("/frozen");
            await taken.WriteAsync(0, New);
            return (await taken.ReadAsync(0, New.Length)).Span.SequenceEqual(New);
        }, () => nodes.Logs);
        var readers = Enumerable.Range(0, Readers).Select(_ => ReadAsync(owned)).ToList();
        frozen.Continue();
        // Also those that come now, while it finds out.
        readers.AddRange(Enumerable.Range(0, Readers).Select(_ => ReadAsync(owned)));
        foreach (var content in await Task.WhenAll(readers).WaitAsync(Answered))
        {
            Assert.True(content is null || content.AsSpan().SequenceEqual(New), "an owner that had been replaced answered what it remembered");
        }
        await frozen.ExitAsync(Answered);
        Assert.Equal(New, await ReadAsync(await atOthers.Files.OpenAsync("/frozen")));
    }

    /// <returns>Null when it was refused, or nobody answered.</returns>
    private static async Task<byte[]?> ReadAsync(IFileHandle file)
    {
        try
        {
            return (await file.ReadAsync(0, Old.Length)).ToArray();
        }
        catch (Exception failure) when (failure is DosException or HttpRequestException or OperationCanceledException)
        {
            return null;
        }
    }

    private static byte[] Filled(byte value)
    {
        var bytes = new byte[20_000];
        Array.Fill(bytes, value);
        return bytes;
    }
}
