using Orleans.DOS.Files;
using Orleans.DOS.Node.Tests.Harness;
using Xunit;

namespace Orleans.DOS.Node.Tests.Crashes;

public abstract partial class CrashTests
{
    /// <summary>Inline, one frame, some frames, several extents; more files than nodes, so that each node owns some.</summary>
    private static readonly int[] Sizes = [100, 5_000, 300_000, 1_500_000];

    private static readonly TimeSpan ReadableDeadline = TimeSpan.FromSeconds(8), FilledUpDeadline = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Files_Flushed_AreReadableSoonAfterAnyNodeIsKilled()
    {
        var contents = new Dictionary<string, byte[]>();
        for (var number = 0; number < 12; number++)
        {
            await WriteAsync(contents, $"{Root}/f{number}", Sizes[number % Sizes.Length], number);
        }
        await using var log = await Machine.Files.OpenAsync(Root + "/log", new FileOpenOptions { Create = true });
        foreach (var node in Nodes.All)
        {
            // Open while its owner dies: written and flushed through one handle before and after.
            var line = Noise(10_000, node.Pid);
            await log.AppendAsync(line);
            await log.FlushAsync();
            contents[Root + "/log"] = [.. contents.GetValueOrDefault(Root + "/log", []), .. line];

            await KillAsync(node);
            await Eventually.TrueAsync($"all files are readable without {node.Name}", ReadableDeadline, () => AllEqualAsync(contents), () => Nodes.Logs);
            await WriteAsync(contents, $"{Root}/without-{node.Name}", Sizes[^1], node.Pid);
            await three.HealAsync();
            // Two nodes may die one after the other, but the second only after everything has its replicas again.
            await Eventually.TrueAsync("nothing is below its target", FilledUpDeadline, async () => (await Machine.Nodes.ClusterAsync()).BytesBelowTarget == 0, () => Nodes.Logs);
        }
        Assert.True(await AllEqualAsync(contents));
    }

    private async Task WriteAsync(Dictionary<string, byte[]> contents, string path, int size, int seed)
    {
        contents[path] = Noise(size, seed);
        await Machine.Files.WriteAllBytesAsync(path, contents[path]);
    }

    /// <summary>Fails by Unavailable while a file cannot be read; wrong bytes fail the test at once.</summary>
    private async Task<bool> AllEqualAsync(Dictionary<string, byte[]> contents)
    {
        await Parallel.ForEachAsync(contents, async (file, stop) =>
        {
            var read = await Machine.Files.ReadAllBytesAsync(file.Key, stop);
            Assert.True(file.Value.AsSpan().SequenceEqual(read), $"{file.Key} is not what was flushed: {read.Length} bytes of {file.Value.Length}");
        });
        return true;
    }

    private static byte[] Noise(int length, int seed)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
