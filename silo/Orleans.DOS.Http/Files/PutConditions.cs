using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;
using Orleans.DOS.Files;

namespace Orleans.DOS.Http;

/// <summary>
/// What a PUT of content demands of what is there (RFC 9110, section 13): <c>If-None-Match: *</c> that there is nothing, which is decided
/// in one step with making the file; <c>If-Match</c> one of its versions, which is looked at before the content is stored, so that a
/// write between both is not seen.
/// </summary>
internal sealed class PutConditions
{
    private IList<EntityTagHeaderValue> _match = [];
    private IList<EntityTagHeaderValue> _noneMatch = [];

    /// <summary>Nothing may be there.</summary>
    public bool MustBeNew => _noneMatch.Any(static tag => tag.Equals(EntityTagHeaderValue.Any));

    /// <exception cref="DosException">InvalidArgument: a header that is none, or a part of the content (Content-Range), which PUT must not take for the whole.</exception>
    public static PutConditions Of(DosCall call)
    {
        var headers = call.Request.Headers;
        if (headers.ContentRange.Count > 0)
        {
            throw DosCall.Invalid("PUT stores whole files: write a part with PUT /v1/machines/{machine}/inodes/{inode}?position=");
        }
        return new PutConditions { _match = Tags(headers.IfMatch, "If-Match"), _noneMatch = Tags(headers.IfNoneMatch, "If-None-Match") };
    }

    /// <summary>Whether what is there now is as demanded. <see cref="MustBeNew"/> is left to whoever makes the file.</summary>
    public async Task<bool> HoldAsync(DosCall call, IFiles files, string path)
    {
        if (_match.Count == 0 && (_noneMatch.Count == 0 || MustBeNew))
        {
            return true;
        }
        var there = await TagAsync(call, files, path).ConfigureAwait(false);
        return (_match.Count == 0 || (there is not null && _match.Any(tag => tag.Equals(EntityTagHeaderValue.Any) || tag.Compare(there, useStrongComparison: true))))
            && !_noneMatch.Any(tag => there is not null && tag.Compare(there, useStrongComparison: false));
    }

    public static Task RefuseAsync(DosCall call, string path) => ProblemAnswer.WriteAsync(
        call.Http, new DosError(DosErrorCode.Stale, $"'{path}' is not what the call's If-Match or If-None-Match demands"));

    private static async Task<EntityTagHeaderValue?> TagAsync(DosCall call, IFiles files, string path)
    {
        try
        {
            return EntityTagHeaderValue.Parse(FileTag.Of(await files.StatAsync(path, true, call.Aborted).ConfigureAwait(false)));
        }
        catch (DosException failure) when (failure.Code == DosErrorCode.NoSuchPath)
        {
            return null;
        }
    }

    private static IList<EntityTagHeaderValue> Tags(Microsoft.Extensions.Primitives.StringValues header, string name) => header.Count == 0
        ? []
        : EntityTagHeaderValue.TryParseStrictList(header, out var tags) ? tags : throw DosCall.Invalid($"{name} is '*' or a list of versions as ETag gives them");
}
