using Microsoft.Win32.SafeHandles;

namespace Orleans.DOS.Segments;

/// <summary>Open files, least recently used closed first, so that a million segments need no million descriptors.</summary>
internal sealed class HandleCache(int handlesMax) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<long, LinkedListNode<(long Key, SafeFileHandle Handle)>> _index = [];
    private readonly LinkedList<(long Key, SafeFileHandle Handle)> _recent = new();

    /// <summary>Runs a call with the file. A handle that another thread pushed out in between is opened again.</summary>
    public T Use<T>(long key, string path, Func<SafeFileHandle, T> call)
    {
        while (true)
        {
            var handle = Get(key, path);
            try
            {
                return call(handle);
            }
            catch (ObjectDisposedException) when (handle.IsClosed)
            {
            }
        }
    }

    public void Close(long key)
    {
        lock (_gate)
        {
            if (_index.Remove(key, out var node))
            {
                _recent.Remove(node);
                node.Value.Handle.Dispose();
            }
        }
    }

    /// <summary>Tests: called when a file's handle is closed and the file is not yet deleted.</summary>
    internal Action? Deleting { get; set; }

    /// <summary>
    /// Closes a file and deletes it. Another thread may open it in between: its handle must not be given to who makes the file anew and would
    /// write where no name leads. Files are opened under the gate, so that whatever got hold of the old one is in the index by then.
    /// </summary>
    public void Delete(long key, string path)
    {
        Close(key);
        Deleting?.Invoke();
        File.Delete(path);
        Close(key);
    }

    public void Dispose()
    {
        lock (_gate)
        {
            foreach (var (_, handle) in _recent)
            {
                handle.Dispose();
            }
            _recent.Clear();
            _index.Clear();
        }
    }

    public SafeFileHandle Get(long key, string path)
    {
        lock (_gate)
        {
            if (_index.TryGetValue(key, out var node))
            {
                _recent.Remove(node);
                _recent.AddFirst(node);
                return node.Value.Handle;
            }
            if (_index.Count >= handlesMax)
            {
                // A call in flight keeps its descriptor: SafeFileHandle closes when the last user is done.
                var (oldKey, oldHandle) = _recent.Last!.Value;
                _recent.RemoveLast();
                _index.Remove(oldKey);
                oldHandle.Dispose();
            }
            var handle = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
            _index[key] = _recent.AddFirst((key, handle));
            return handle;
        }
    }
}
