namespace Orleans.DOS.Processes;

/// <summary>Lines of a stream without their ends, in memory of the longest line, which <see cref="Limits.RecordBytesMax"/> bounds.</summary>
internal sealed class LineReader(Stream input)
{
    private byte[] _buffer = new byte[ProgramInputs.BufferBytes];
    private int _start;
    private int _end;
    private int _searched;
    private bool _atEnd;

    /// <summary>The next line, good until the next call; null at the end.</summary>
    /// <exception cref="DosException">LimitExceeded: a line is too long.</exception>
    public async ValueTask<ReadOnlyMemory<byte>?> ReadAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var newline = _buffer.AsSpan(_searched, _end - _searched).IndexOf((byte)'\n');
            if (newline >= 0)
            {
                var line = _buffer.AsMemory(_start, _searched + newline - _start);
                _start = _searched = _searched + newline + 1;
                return line;
            }
            _searched = _end;
            if (_atEnd)
            {
                var last = _buffer.AsMemory(_start, _end - _start);
                _start = _searched = _end;
                // Typed: a bare null would become an empty memory, by way of an array.
                return last.IsEmpty ? (ReadOnlyMemory<byte>?)null : last;
            }
            MakeRoom();
            var read = await input.ReadAsync(_buffer.AsMemory(_end), cancellationToken);
            _atEnd = read == 0;
            _end += read;
        }
    }

    private void MakeRoom()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_end, _searched, _start) = (_end - _start, _searched - _start, 0);
        }
        if (_end == _buffer.Length)
        {
            if (_buffer.Length >= Limits.RecordBytesMax)
            {
                throw new DosException(DosErrorCode.LimitExceeded, $"a line is longer than {Limits.RecordBytesMax} bytes");
            }
            Array.Resize(ref _buffer, Math.Min(_buffer.Length * 2, Limits.RecordBytesMax));
        }
    }
}
