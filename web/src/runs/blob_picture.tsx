import { useEffect, useRef, useState } from "react";

/** A picture that must be asked for with a token, when it comes into view. */
export function BlobPicture({ ask, keyOf, alt }: {
  ask: () => Promise<Blob>; keyOf: string; alt: string;
}) {
  const place = useRef<HTMLSpanElement>(null);
  const [url, setUrl] = useState("");
  const [problem, setProblem] = useState("");
  useEffect(() => {
    let made = "";
    let left = false;
    const seen = new IntersectionObserver((entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      seen.disconnect();
      ask().then((blob) => {
        if (left) return;
        made = URL.createObjectURL(blob);
        setUrl(made);
      }, (failure: Error) => { if (!left) setProblem(failure.message); });
    }, { rootMargin: "200px" });
    if (place.current) seen.observe(place.current);
    return () => {
      left = true;
      seen.disconnect();
      if (made) URL.revokeObjectURL(made);
    };
  }, [keyOf]);
  return <span ref={place} className="blob-picture">{url ? <img src={url} alt={alt} />
    : <span className="blob-waits" role="img" aria-label={problem ? `${alt}: ${problem}` : `${alt} is coming`}>
      {problem ? "no picture" : "…"}</span>}</span>;
}
