using System.Diagnostics;
using System.Security.Cryptography;
using Orleans.DOS.Node.Tests.Harness;
using Xunit;

namespace Orleans.DOS.Node.Tests.Nodes;

/// <summary>A node as Kubernetes starts it: its secrets come from the environment, its schema was brought up before.</summary>
[Collection(RealNodes.Name)]
public sealed class OutsideKeysTests : IDisposable
{
    private readonly string _data = Path.Combine(Path.GetTempPath(), $"dos-test-{Guid.NewGuid():N}");
    private readonly string _keys = Path.Combine(Path.GetTempPath(), $"dos-test-{Guid.NewGuid():N}");

    [Fact]
    public async Task MigrateOnly_BringsTheSchemaUpAndEnds()
    {
        var (exitCode, output) = await RunAsync("--data", _data, "--migrate-only");
        Assert.Equal(0, exitCode);
        Assert.Matches("^schema [0-9]+ of cluster .+ is up to date\n$", output);
        Assert.True(System.IO.File.Exists(Path.Combine(_data, "catalog.db")));
        Assert.False(Directory.Exists(Path.Combine(_data, "nodes")));
    }

    [Fact]
    public async Task Keys_FromElsewhere_AreUsedAndNoneIsMade()
    {
        var token = MakeKeys();
        await using var node = new TestNode("n1", _data, []) { Environment = { ["DOS_KEYS"] = _keys }, Token = token };
        node.Start();
        await node.ReadyAsync(TestNodes.StartDeadline);
        Assert.Equal("ready", Assert.Single(await TestNodes.StatesAsync(node)).Value);
        Assert.False(System.IO.File.Exists(Path.Combine(_data, "credential")));
        Assert.False(System.IO.File.Exists(Path.Combine(_data, "cluster.key")));
    }

    [Fact]
    public async Task Keys_Missing_AreRefusedAndNotMadeUp()
    {
        Directory.CreateDirectory(_keys);
        await using var node = new TestNode("n1", _data, []) { Environment = { ["DOS_KEYS"] = _keys } };
        node.Start();
        Assert.Equal(2, await node.ExitAsync(TimeSpan.FromSeconds(30)));
        Assert.Contains("credential is missing (InvalidArgument)", node.Log, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        foreach (var directory in (string[])[_data, _keys])
        {
            if (Directory.Exists(directory))
            {
                Directory.Delete(directory, recursive: true);
            }
        }
    }

    private string MakeKeys()
    {
        Directory.CreateDirectory(_keys);
        var token = "dos1." + System.Buffers.Text.Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        System.IO.File.WriteAllText(Path.Combine(_keys, "credential"), token);
        System.IO.File.WriteAllText(Path.Combine(_keys, "cluster.key"), Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)));
        return token;
    }

    private static async Task<(int ExitCode, string Output)> RunAsync(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(RepoLayout.NodeExecutable, arguments) { RedirectStandardOutput = true })!;
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, output);
    }
}
