using FsCheck;
using FsCheck.Fluent;
using Orleans.DOS.Segments;
using Xunit;

namespace Orleans.DOS.Files;

public class ExtentMapTests
{
    [Fact]
    public void RandomWritesAndTruncations_ReadAsTheNaiveTwinDoes() =>
        Prop.ForAll(Gen.Choose(0, int.MaxValue).ToArbitrary(), seed =>
        {
            var random = new Random(seed);
            var twin = new TwinFile();
            Dictionary<long, Extent> rows = [];
            for (var step = random.Next(1, 60); step > 0; step--)
            {
                twin.DoSomething(random);
                twin.AssertReads(random.Next(0, 400), random.Next(0, 400));
                if (random.Next(10) == 0)
                {
                    rows = twin.Checkpoint(rows);
                }
            }
            twin.AssertReads(0, 1000);
            rows = twin.Checkpoint(rows);
            Assert.Equal(twin.Map.Extents, new ExtentMap(rows.Values).Extents);
        }).QuickCheckThrowOnFailure(2000);

    [Fact]
    public void EqualFramesInARow_AreOneExtent_UntilAShorterOne()
    {
        var map = new ExtentMap();
        var segment = new SegmentId(7);
        for (var frame = 0; frame < 1000; frame++)
        {
            map.Write(frame * 100L, 100, segment, frame * (100L + FrameCodec.HeaderBytes));
        }
        map.Write(100_000, 40, segment, 1000 * (100L + FrameCodec.HeaderBytes));
        Assert.Single(map.Extents);

        map.Write(100_040, 100, segment, (1000 * (100L + FrameCodec.HeaderBytes)) + 40 + FrameCodec.HeaderBytes);

        Assert.Equal(2, map.Extents.Count);
    }

    [Fact]
    public void Constructor_OverlappingRows_IsABug() =>
        Assert.Throws<InvalidOperationException>(() => new ExtentMap(
            [new Extent(0, 10, new SegmentId(1), 0, 10, 0), new Extent(9, 10, new SegmentId(1), 106, 10, 0)]));

    /// <summary>A byte array beside the map, and the payloads of all frames by their places.</summary>
    private sealed class TwinFile
    {
        private readonly Dictionary<(SegmentId, long), byte[]> _frames = [];
        private List<byte> _content = [];
        private SegmentId _segment = new(1);
        private long _offset;
        private int _usual = 16;

        public ExtentMap Map { get; } = new();

        public void DoSomething(Random random)
        {
            switch (random.Next(12))
            {
                case 0:
                    Truncate(random.Next(0, 400));
                    break;
                case 1:
                    (_segment, _offset) = (new SegmentId(_segment.Value + 1), 0);
                    break;
                case 2:
                    _usual = random.Next(1, 40);
                    break;
                case < 7:
                    Write(random, _content.Count, random.Next(3) == 0 ? random.Next(1, 40) : _usual);
                    break;
                default:
                    Write(random, random.Next(0, 300), random.Next(3) == 0 ? random.Next(1, 40) : _usual);
                    break;
            }
        }

        public void AssertReads(int position, int count)
        {
            var pieces = Map.Plan(position, count);
            Assert.Equal(pieces, ExtentMap.Plan(Map.Overlapping(position, count), position, count));
            var read = new byte[count];
            var next = (long)position;
            foreach (var piece in pieces)
            {
                Assert.Equal(next, piece.Position);
                next += piece.Length;
                if (piece.Segment is { } segment)
                {
                    _frames[(segment, piece.FrameOffset)].AsSpan(piece.Within, piece.Length).CopyTo(read.AsSpan((int)(piece.Position - position)));
                }
            }
            Assert.Equal(position + count, next);
            Assert.Equal(_content.Concat(new byte[1000]).Skip(position).Take(count), read);
        }

        public Dictionary<long, Extent> Checkpoint(Dictionary<long, Extent> rows)
        {
            var (delete, put) = Map.Difference(rows);
            Dictionary<long, Extent> next = new(rows);
            delete.ToList().ForEach(position => next.Remove(position));
            put.ToList().ForEach(extent => next[extent.Position] = extent);
            return next;
        }

        private void Write(Random random, int position, int length)
        {
            var payload = new byte[length];
            random.NextBytes(payload);
            _frames[(_segment, _offset)] = payload;
            Map.Write(position, length, _segment, _offset);
            _offset += FrameCodec.HeaderBytes + length;
            while (_content.Count < position + length)
            {
                _content.Add(0);
            }
            payload.CopyTo(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_content)[position..]);
        }

        private void Truncate(int size)
        {
            Map.Truncate(size);
            _content = _content.Concat(new byte[1000]).Take(size).ToList();
        }
    }
}

internal static class Checks
{
    public static void QuickCheckThrowOnFailure(this Property property, int cases) => property.Check(Config.QuickThrowOnFailure.WithMaxTest(cases));
}
