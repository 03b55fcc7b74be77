using Orleans.DOS.Files;
using Xunit;

namespace Orleans.DOS.Tests.Client;

public sealed class FileReadStreamTests
{
    [Fact]
    public async Task Read_AfterAFailedReadAhead_AsksAgain()
    {
        var file = new FailingFile(bytes: 3 * Limits.FramePayloadBytesMax);
        await using var stream = new FileReadStream(file, new FileStat { Inode = file.Inode, Name = "f", Kind = InodeKind.File, Size = file.Bytes });
        var buffer = new byte[Limits.FramePayloadBytesMax];
        file.IsAway = true;
        var failure = await Assert.ThrowsAsync<DosException>(async () => await stream.ReadExactlyAsync(buffer));
        Assert.Equal(DosErrorCode.Unavailable, failure.Code);
        file.IsAway = false;
        var read = 0L;
        for (int count; (count = await stream.ReadAsync(buffer)) > 0;)
        {
            Assert.Equal(Enumerable.Range(0, count).Select(index => (byte)((read + index) / 1000)), buffer[..count]);
            read += count;
        }
        Assert.Equal(file.Bytes, read);
    }

    /// <summary>A small file is replaced as a whole: a reader gets one content or the other, never the tail of the new one behind the old.</summary>
    [Fact]
    public async Task Read_OfAFileThatIsReplacedByALongerOne_EndsWhereItsContentDid_AndThenGoesOn()
    {
        var file = new FailingFile(bytes: 1000);
        await using var stream = new FileReadStream(file, new FileStat { Inode = file.Inode, Name = "f", Kind = InodeKind.File, Size = file.Bytes });
        var buffer = new byte[5000];
        Assert.Equal(1000, await stream.ReadAsync(buffer));
        file.Bytes = 3000;
        Assert.Equal(0, await stream.ReadAsync(buffer));
        Assert.Equal(2000, await stream.ReadAsync(buffer));
        Assert.Equal(0, await stream.ReadAsync(buffer));
    }

    /// <summary>Frames of a streamed file begin at multiples of their size, and the reading of a part of one costs the whole.</summary>
    [Fact]
    public async Task Read_FromTheMiddleOfAFrame_AsksForFramesBehindIt()
    {
        const int frame = Limits.FramePayloadBytesMax;
        var file = new FailingFile(bytes: 4 * frame);
        await using var stream = new FileReadStream(file, new FileStat { Inode = file.Inode, Name = "f", Kind = InodeKind.File, Size = file.Bytes });
        stream.Seek(frame - 1, SeekOrigin.Begin);
        Assert.Equal(3 * frame + 1, await stream.ReadAtLeastAsync(new byte[4 * frame], 4 * frame, throwOnEndOfStream: false));
        Assert.Equal([(frame - 1, 1), (frame, frame), (2 * frame, frame), (3 * frame, frame)], file.Asked.Take(4));
    }

    private sealed class FailingFile(int bytes) : IFileHandle
    {
        public bool IsAway { get; set; }
        public int Bytes { get; set; } = bytes;
        public List<(int Position, int Count)> Asked { get; } = [];
        public InodeId Inode => new(5);

        public Task<ReadOnlyMemory<byte>> ReadAsync(long position, int count, CancellationToken cancellationToken = default)
        {
            Asked.Add(((int)position, count));
            return IsAway
                ? Task.FromException<ReadOnlyMemory<byte>>(new DosException(DosErrorCode.Unavailable, "away"))
                : Task.FromResult<ReadOnlyMemory<byte>>(Enumerable.Range(0, (int)Math.Clamp(Bytes - position, 0, count)).Select(index => (byte)((position + index) / 1000)).ToArray());
        }

        public Task<FileStat> StatAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();
        public Task WriteAsync(long position, ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default) => throw new NotSupportedException();
        public Task<long> AppendAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default) => throw new NotSupportedException();
        public Task TruncateAsync(long size, CancellationToken cancellationToken = default) => throw new NotSupportedException();
        public Task FlushAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;
        public Task<IReadOnlyList<FileLocation>> LocateAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();
        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
