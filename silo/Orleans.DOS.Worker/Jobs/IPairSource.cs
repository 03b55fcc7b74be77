namespace Orleans.DOS.Jobs;

/// <summary>Pairs in ascending order of their keys. Key and value are good until the next <see cref="MoveNext"/>.</summary>
internal interface IPairSource
{
    bool MoveNext();
    ReadOnlySpan<byte> Key { get; }
    ReadOnlySpan<byte> Value { get; }
}
