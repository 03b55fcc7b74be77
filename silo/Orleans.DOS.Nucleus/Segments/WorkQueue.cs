using System.Diagnostics.CodeAnalysis;

namespace Orleans.DOS.Segments;

/// <summary>
/// What a thread of a disk has to do, in the order in which it was given. The thread sleeps at once when there is nothing: with one such
/// thread for each disk and journal, those of BlockingCollection that first spin for a while take a small host's cores from the calls.
/// </summary>
internal sealed class WorkQueue<T>
{
    private readonly object _gate = new(); // not a Lock, which cannot be waited for a pulse with
    private readonly Queue<T> _items = new();
    private bool _isWaiting;
    private bool _isClosed;

    /// <returns>False when it is closed.</returns>
    public bool TryAdd(T item)
    {
        lock (_gate)
        {
            if (_isClosed)
            {
                return false;
            }
            _items.Enqueue(item);
            if (_isWaiting)
            {
                _isWaiting = false;
                Monitor.Pulse(_gate);
            }
            return true;
        }
    }

    /// <summary>Takes no more; what waits is still given out.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _isClosed = true;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>The next item, waiting for it. One thread takes.</summary>
    /// <returns>False when the queue is closed and empty.</returns>
    public bool Take([MaybeNullWhen(false)] out T item)
    {
        lock (_gate)
        {
            while (_items.Count == 0 && !_isClosed)
            {
                _isWaiting = true;
                Monitor.Wait(_gate);
            }
            return _items.TryDequeue(out item);
        }
    }

    /// <summary>The next item if there is one.</summary>
    public bool TryTake([MaybeNullWhen(false)] out T item)
    {
        lock (_gate)
        {
            return _items.TryDequeue(out item);
        }
    }
}
