namespace Orleans.DOS.Jobs;

/// <summary>Bytes that come in pieces, to one thread, which blocks for them.</summary>
internal interface IByteSource : IDisposable
{
    /// <summary>The following bytes, good until the next call; empty at the end.</summary>
    ReadOnlyMemory<byte> Next();
}
