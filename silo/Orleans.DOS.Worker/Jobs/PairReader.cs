namespace Orleans.DOS.Jobs;

/// <summary>Reads pairs from bytes that come in pieces; holds one piece and one pair.</summary>
internal sealed class PairReader(IByteSource source, Action? read = null) : IPairSource, IDisposable
{
    private byte[] _window = new byte[8 * 1024];
    // 0 <= _next <= _end <= _window.Length; the present pair lies before _next.
    private int _next;
    private int _end;
    private int _keyAt;
    private int _keyLength;
    private int _valueLength;

    public ReadOnlySpan<byte> Key => _window.AsSpan(_keyAt, _keyLength);
    public ReadOnlySpan<byte> Value => _window.AsSpan(_keyAt + _keyLength, _valueLength);

    public bool MoveNext()
    {
        int header;
        while ((header = PairFormat.ReadHeader(_window.AsSpan(_next, _end - _next), out _keyLength, out _valueLength)) == 0)
        {
            if (!Fill())
            {
                return _next == _end ? false : throw CutOff();
            }
        }
        var whole = checked(header + _keyLength + _valueLength);
        while (_end - _next < whole)
        {
            if (!Fill())
            {
                throw CutOff();
            }
        }
        _keyAt = _next + header;
        _next += whole;
        read?.Invoke();
        return true;
    }

    private bool Fill()
    {
        var piece = source.Next().Span;
        if (piece.IsEmpty)
        {
            return false;
        }
        var kept = _end - _next;
        var target = kept + piece.Length > _window.Length ? new byte[Math.Max(_window.Length * 2, kept + piece.Length)] : _window;
        _window.AsSpan(_next, kept).CopyTo(target);
        piece.CopyTo(target.AsSpan(kept));
        (_window, _next, _end) = (target, 0, kept + piece.Length);
        return true;
    }

    private static DosException CutOff() => new(DosErrorCode.Damaged, "a map output ends inside a pair");

    public void Dispose() => source.Dispose();
}
