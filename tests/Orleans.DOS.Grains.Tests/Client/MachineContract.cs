using System.Text;
using Orleans.DOS.Files;
using Orleans.DOS.Machines;

namespace Orleans.DOS.Tests.Client;

/// <summary>
/// What every <see cref="IMachine"/> keeps, however it is reached. One subclass a way (HTTP over a double, HTTP and Orleans over real
/// nodes); the tests use nothing but the interface, and a directory of their own.
/// </summary>
public abstract partial class MachineContract : IAsyncLifetime
{
    protected IMachine Machine { get; private set; } = null!;

    /// <summary>An empty directory of this test.</summary>
    protected string Root { get; } = "/contract-" + Guid.NewGuid().ToString("n");

    protected IFiles Files => Machine.Files;

    protected static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        Machine = await OpenAsync();
        await Files.MakeDirectoryAsync(Root, cancellationToken: Stop);
    }

    public virtual async ValueTask DisposeAsync()
    {
        await Files.RemoveAsync(Root, recursive: true);
        GC.SuppressFinalize(this);
    }

    protected abstract Task<IMachine> OpenAsync();

    protected static async Task FailsAsync(DosErrorCode code, Func<Task> call)
    {
        var failure = await Assert.ThrowsAsync<DosException>(call);
        Assert.True(code == failure.Code, $"expected {code}, got {failure.Code}: {failure.Message}");
        Assert.False(string.IsNullOrWhiteSpace(failure.Message));
    }

    protected static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    protected static byte[] Noise(int length, int seed)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
