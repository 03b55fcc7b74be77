using Microsoft.Win32.SafeHandles;

namespace Orleans.DOS.Segments;

/// <summary>What the store asks of the operating system for the file of a segment, where it matters whether it succeeds: tests put faults here.</summary>
internal sealed class FileCalls
{
    public Action<SegmentId, SafeFileHandle> Flush { get; set; } = (_, handle) => Disk.Flush(handle);

    /// <summary>Comes before each read of the log.</summary>
    public Action<SegmentId>? Reading { get; set; }

    /// <summary>Writes once more what the file says already, so that the next flush has something to write.</summary>
    public Action<SegmentId, SafeFileHandle, byte[], long> Rewrite { get; set; } = (_, handle, bytes, offset) => RandomAccess.Write(handle, bytes, offset);
}
