using FsCheck;
using FsCheck.Fluent;
using Orleans.DOS.Segments;
using Xunit;

namespace Orleans.DOS.Kernel.Tests.Segments;

public sealed class FrameCodecTests
{
    [Fact]
    public void Decode_AfterEncode_GivesEveryField() => Prop.ForAll<byte[], long, long>((payload, first, second) =>
    {
        var header = Header(payload.Length, first, second);
        return FrameCodec.TryDecode(FrameCodec.Encode(header, payload), out var read) && read == header;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Decode_AfterAnyBitFlip_Refuses()
    {
        var frame = FrameCodec.Encode(Header(61, 7, 9), new byte[61]);
        for (var bit = 0; bit < frame.Length * 8; bit++)
        {
            frame[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(FrameCodec.TryDecode(frame, out _), $"bit {bit}");
            frame[bit / 8] ^= (byte)(1 << (bit % 8));
        }
        Assert.True(FrameCodec.TryDecode(frame, out _));
    }

    [Fact]
    public void ValidPrefix_OfTornLog_EndsAtTheLastWholeFrame()
    {
        var frame = FrameCodec.Encode(Header(10, 1, 2), new byte[10]);
        byte[] log = [.. frame, .. frame, .. frame[..50]];
        Assert.Equal(2 * frame.Length, FrameCodec.ValidPrefix(log, new SegmentId(5)));
        Assert.Equal(0, FrameCodec.ValidPrefix(log, new SegmentId(6)));
    }

    /// <summary>RFC 3720, appendix B.4.</summary>
    [Fact]
    public void Crc32C_OfThe32Zeroes_IsThatOfTheStandard() => Assert.Equal(0x8A9136AAu, Crc32C.Compute(new byte[32]));

    private static FrameHeader Header(int payload, long first, long second) => new()
    {
        PayloadLength = payload,
        Kind = 1,
        Object = new ObjectId(ObjectKind.File, first),
        Epoch = second,
        Position = first ^ 3,
        WriteNumber = second ^ 5,
        ResultingSize = first ^ 7,
        Time = second ^ 11,
        Request = new RequestId(first, second),
        RequestHash = first ^ second,
        Segment = new SegmentId(5),
    };
}
