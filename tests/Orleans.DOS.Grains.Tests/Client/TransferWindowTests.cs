using Orleans.DOS.Files;
using Xunit;

namespace Orleans.DOS.Tests.Client;

/// <summary>What streams of one client have in flight, alone and together.</summary>
public sealed class TransferWindowTests
{
    private const int Own = 2, All = 5;
    private readonly TransferWindow _window = new(Own, All);

    [Fact]
    public async Task Reads_Alone_UseTheWholeWindow_AndTogetherNoMoreThanIsForAll()
    {
        var files = new HeldFile[] { new(), new() };
        var alone = await BeginReadingAsync(files[0]);
        Assert.Equal(All, files[0].InFlight);

        var second = await BeginReadingAsync(files[1]);
        Assert.Equal(Own, files[1].InFlight);

        // The first one goes on with what the second leaves.
        await GoOnAsync(files[0], alone);
        Assert.Equal(All - Own, files[0].InFlight);

        // What it gives back the second may have.
        await EndAsync(files[0], alone);
        await GoOnAsync(files[1], second);
        Assert.Equal(All, files[1].InFlight);

        await EndAsync(files[1], second);
        AssertAllIsBack();
    }

    [Fact]
    public async Task Writes_Alone_UseTheWholeWindow_AndWaitBehindIt()
    {
        var file = new HeldFile();
        var stream = new FileWriteStream(file, window: _window);
        var frame = new byte[Limits.FramePayloadBytesMax];
        for (var number = 0; number < All; number++)
        {
            await stream.WriteAsync(frame);
        }
        Assert.Equal(All, file.InFlight);
        var next = stream.WriteAsync(frame).AsTask();
        Assert.False(next.IsCompleted);
        Assert.Equal(All, file.InFlight);

        file.Release();
        await next;
        Assert.Equal(All, file.InFlight);

        file.HoldsNoMore();
        await stream.DisposeAsync();
        AssertAllIsBack();
    }

    [Fact]
    public async Task Frames_ThatFail_GiveBackWhatTheyBorrowed()
    {
        var file = new HeldFile();
        var reader = await BeginReadingAsync(file);
        await file.FailAllAsync();
        await Assert.ThrowsAsync<DosException>(() => ReadAsync(reader));
        await reader.DisposeAsync();
        AssertAllIsBack();

        var writer = new FileWriteStream(file, window: _window);
        for (var number = 0; number < All; number++)
        {
            await writer.WriteAsync(new byte[Limits.FramePayloadBytesMax]);
        }
        await file.FailAllAsync();
        await Assert.ThrowsAsync<DosException>(() => writer.FlushAsync(CancellationToken.None));
        await writer.DisposeAsync();
        AssertAllIsBack();
    }

    private void AssertAllIsBack()
    {
        Assert.All(Enumerable.Range(0, All), _ => Assert.True(_window.TryBorrow()));
        Assert.False(_window.TryBorrow());
        for (var number = 0; number < All; number++)
        {
            _window.Return();
        }
    }

    /// <summary>Reads until the window has opened as far as it may.</summary>
    private async Task<FileReadStream> BeginReadingAsync(HeldFile file)
    {
        var stream = new FileReadStream(file, new FileStat { Inode = file.Inode, Name = "f", Kind = InodeKind.File, Size = 1L << 40 }, _window);
        await GoOnAsync(file, stream);
        return stream;
    }

    private static async Task GoOnAsync(HeldFile file, FileReadStream stream)
    {
        for (var number = 0; number < All; number++)
        {
            var read = ReadAsync(stream);
            file.Release();
            await read;
        }
    }

    private static async Task EndAsync(HeldFile file, FileReadStream stream)
    {
        file.HoldsNoMore();
        for (var number = 0; number < All; number++)
        {
            await ReadAsync(stream);
        }
        await stream.DisposeAsync();
    }

    private static async Task ReadAsync(FileReadStream stream) => await stream.ReadExactlyAsync(new byte[Limits.FramePayloadBytesMax]);

    /// <summary>Answers in the order of the calls, each when it is told to.</summary>
    private sealed class HeldFile : IFileHandle
    {
        private readonly Queue<TaskCompletionSource> _held = new();
        private bool _free;

        public int InFlight => _held.Count;
        public InodeId Inode => new(5);

        public void Release() => _held.Dequeue().SetResult();

        public void HoldsNoMore()
        {
            _free = true;
            while (_held.Count > 0)
            {
                Release();
            }
        }

        // Away from the test's own context, so that what follows a failure has happened when this returns.
        public Task FailAllAsync() => Task.Run(() =>
        {
            while (_held.TryDequeue(out var held))
            {
                held.SetException(new DosException(DosErrorCode.Unavailable, "away"));
            }
        });

        public async Task<ReadOnlyMemory<byte>> ReadAsync(long position, int count, CancellationToken cancellationToken = default)
        {
            await HoldAsync().ConfigureAwait(false);
            return new byte[count];
        }

        public Task WriteAsync(long position, ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default) => HoldAsync();

        private Task HoldAsync()
        {
            if (_free)
            {
                return Task.CompletedTask;
            }
            var held = new TaskCompletionSource();
            _held.Enqueue(held);
            return held.Task;
        }

        public Task<FileStat> StatAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();
        public Task<long> AppendAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default) => throw new NotSupportedException();
        public Task TruncateAsync(long size, CancellationToken cancellationToken = default) => throw new NotSupportedException();
        public Task FlushAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;
        public Task<IReadOnlyList<FileLocation>> LocateAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();
        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
