namespace Orleans.DOS.Jobs;

/// <summary>Bounds of one task's memory; what exceeds them goes to local scratch.</summary>
/// <param name="TableBytesMax">Bytes of keys, values and index that a mapper keeps before it spills a sorted run.</param>
/// <param name="MergeBytesMax">Bytes of all read buffers of one merge.</param>
/// <param name="MergeSourcesMax">Sources merged at once; more are merged in rounds.</param>
/// <param name="GroupBytesMax">Bytes of the values of one key that are held for one call of Reduce.</param>
public sealed record TaskMemory(int TableBytesMax, int MergeBytesMax, int MergeSourcesMax, int GroupBytesMax)
{
    /// <summary>Some 150 MB for one task at the most: a worker on a node of 2 GiB runs four.</summary>
    public static readonly TaskMemory Default = new(64 * 1024 * 1024, 64 * 1024 * 1024, 256, 16 * 1024 * 1024);

    /// <summary>Bytes of one source's buffer: 4 to 256 KiB.</summary>
    public int SourceBytes(int sources) => Math.Clamp(MergeBytesMax / Math.Max(1, sources) / 2, 4 * 1024, Limits.FramePayloadBytesMax);
}
